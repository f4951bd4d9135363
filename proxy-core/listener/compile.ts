import type { SocketAddress } from '../base/stream-info.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { ListenerCompileOptions } from '../http/compile.ts';
import { compileAccessLogs } from '../observe/access-log/compile.ts';
import { compileChainMatcher } from './chain-matcher.ts';
import { compileAddresses, formatAddress, peekAddress } from './compile-address.ts';
import { checkDuplicateChains, compileFilterChain } from './compile-filter-chain.ts';
import { compileListenerFilters } from './filters/compile.ts';
import type { ListenerConfig } from './listener-config.ts';

export type { ListenerCompileOptions };

const MEBIBYTE = 1024 * 1024;

/**
 * What Envoy says about the listeners as a whole: an address may be used once; of several with one name the first
 * stands. Returns those that are to be compiled.
 */
export function checkDuplicateListeners(
  readers: readonly MessageReader[],
  ctx: CompileContext,
): readonly MessageReader[] {
  const names = new Map<string, MessageReader>();
  const addresses = new Map<string, string>();
  const kept: MessageReader[] = [];
  for (const reader of readers) {
    const name = reader.string('name') ?? '';
    const address = peekAddress(reader.message('address'));
    if (name !== '' && names.has(name)) {
      ctx.report(
        'warning',
        'listener.duplicate-name',
        reader,
        'name',
        `Another listener is named ${name} already. The first one is used, this one does not exist.`,
      );
      continue;
    }
    names.set(name, reader);
    if (address !== null && addresses.has(address)) {
      ctx.report(
        'error',
        'listener.duplicate-address',
        reader,
        'address',
        `error adding listener: '${name}' has duplicate address '${address}' as existing listener, to check if the listener has duplicated addresses with other listeners or 'enable_reuse_port' is set to 'false' for the listener`,
      );
      continue;
    }
    if (address !== null) addresses.set(address, name);
    kept.push(reader);
  }
  return kept;
}

/**
 * Names for the listeners of one configuration that have none (Envoy gives them random ones): by address, so that a
 * listener is the same one in the next version of the configuration.
 */
export class UnnamedListeners {
  private readonly counts = new Map<string, number>();

  /** `listener_127.0.0.1:8080`; of several on the same `host:0` all but the first carry their number. */
  next(address: SocketAddress): string {
    const text = formatAddress(address);
    const count = (this.counts.get(text) ?? 0) + 1;
    this.counts.set(text, count);
    return count === 1 ? `listener_${text}` : `listener_${text}_${count}`;
  }
}

/** Compiles `envoy.config.listener.v3.Listener`; null when it cannot stand. */
export function compileListener(
  reader: MessageReader,
  ctx: CompileContext,
  options: ListenerCompileOptions,
  unnamed: UnnamedListeners = new UnnamedListeners(),
): ListenerConfig | null {
  const given = reader.string('name') ?? '';
  const binds = compileAddresses(reader, given, ctx);
  const address = binds?.[0];
  if (binds === null || address === undefined) return null;
  const name = given === '' ? unnamed.next(address) : given;
  reader.acknowledge('enable_reuse_port', 'reuse_port', 'metadata');
  const text = formatAddress(address);
  // Colons become underscores in names of statistics: `127.0.0.1_8080`, `[__1]_10002`.
  const statPrefix = `listener.${reader.string('stat_prefix') || text.replaceAll(':', '_')}`;
  const chainReaders = reader.messages('filter_chains');
  const fallbackReader = reader.message('default_filter_chain');
  if (!hasChains(reader, chainReaders, fallbackReader, text, ctx)) return null;
  const around = { ctx, options, statPrefix, address: text };
  const filterChains = chainReaders.map((chain, index) => compileFilterChain(chain, index, around));
  const chainMatcher = compileChainMatcher(reader, chainReaders, text, ctx);
  if (chainMatcher === null) checkDuplicateChains(chainReaders, filterChains, text, ctx);
  return {
    name,
    source: reader.range,
    address,
    binds,
    bindsToPort: reader.bool('bind_to_port') ?? true,
    inbound: reader.enumeration('traffic_direction') === 'INBOUND',
    modifyOnly: reader.enumeration('drain_type') === 'MODIFY_ONLY',
    ignoresGlobalLimit: reader.bool('ignore_global_conn_limit') ?? false,
    backlog: reader.number('tcp_backlog_size') ?? 4096,
    statPrefix,
    perConnectionBufferLimit: reader.number('per_connection_buffer_limit_bytes') ?? MEBIBYTE,
    filters: compileListenerFilters(reader, ctx, options),
    filterChains,
    chainMatcher,
    defaultFilterChain: fallbackReader === undefined ? null : compileFilterChain(fallbackReader, -1, around),
    accessLogs: compileAccessLogs(reader.messages('access_log'), ctx, options.logFiles, 'NotSet'),
  };
}

function hasChains(
  reader: MessageReader,
  chains: readonly MessageReader[],
  fallback: MessageReader | undefined,
  address: string,
  ctx: CompileContext,
): boolean {
  if (chains.length === 0 && fallback === undefined) {
    ctx.report(
      'error',
      'listener.no-filter-chains',
      reader,
      '',
      `error adding listener '${address}': no filter chains specified`,
    );
    return false;
  }
  const socket = reader.message('address')?.message('socket_address');
  if (socket?.enumeration('protocol') === 'UDP') {
    ctx.report(
      'error',
      'listener.udp',
      reader,
      'address',
      `error adding listener '${address}': ${chains.length} filter chain(s) specified for connection-less UDP listener.`,
    );
    return false;
  }
  return true;
}
