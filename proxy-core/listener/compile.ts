import { isIP } from 'node:net';
import type { SocketAddress } from '../base/stream-info.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import { compileHttpConnectionManager, type ListenerCompileOptions } from '../http/compile.ts';
import { compileFilterChainMatch, matchJson, matchKey, matchText } from './filter-chain-match.ts';
import type { FilterChainConfig, ListenerConfig } from './listener-config.ts';
import { compileListenerFilters } from './listener-filters.ts';
import { HCM_TYPE, isTerminalNetworkFilter, networkFilterName } from './network-filters.ts';
import { isRawBuffer } from './tls/compile.ts';
import { compileServerTls } from './tls/server.ts';

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
    const address = peekAddress(reader);
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

/** `ip:port` of the socket address, null when there is none or the port is chosen by the system. */
function peekAddress(reader: MessageReader): string | null {
  const socket = reader.message('address')?.message('socket_address');
  const port = socket?.number('port_value') ?? 0;
  return socket === undefined || port === 0 ? null : formatAddress(socket.string('address') ?? '', port);
}

function formatAddress(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/**
 * Names for the listeners of one configuration that have none (Envoy gives them random ones): by address, so that a
 * listener is the same one in the next version of the configuration.
 */
export class UnnamedListeners {
  private readonly counts = new Map<string, number>();

  /** `listener_127.0.0.1:8080`; of several on the same `host:0` all but the first carry their number. */
  next(address: SocketAddress): string {
    const text = formatAddress(address.ip, address.port);
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
  const address = compileAddress(reader, given, ctx);
  if (address === null) return null;
  const name = given === '' ? unnamed.next(address) : given;
  reader.acknowledge('enable_reuse_port', 'ignore_global_conn_limit', 'metadata');
  const statName = reader.string('stat_prefix') || statAddress(address);
  const statPrefix = `listener.${statName}`;
  const text = formatAddress(address.ip, address.port);
  const chainReaders = reader.messages('filter_chains');
  const fallbackReader = reader.message('default_filter_chain');
  if (chainReaders.length === 0 && fallbackReader === undefined) {
    ctx.report(
      'error',
      'listener.no-filter-chains',
      reader,
      '',
      `error adding listener '${text}': no filter chains specified`,
    );
    return null;
  }
  const socket = reader.message('address')?.message('socket_address');
  if (socket?.enumeration('protocol') === 'UDP') {
    ctx.report(
      'error',
      'listener.udp',
      reader,
      'address',
      `error adding listener '${text}': ${chainReaders.length} filter chain(s) specified for connection-less UDP listener.`,
    );
    return null;
  }
  const compile = (chain: MessageReader, index: number): FilterChainConfig =>
    compileFilterChain(chain, index, ctx, options, statPrefix, text);
  const filterChains = chainReaders.map(compile);
  checkDuplicateChains(chainReaders, filterChains, text, ctx);
  return {
    name,
    source: reader.range,
    address,
    ipv6Only: address.ip === '::' && !(socket?.bool('ipv4_compat') ?? false),
    bindsToPort: reader.bool('bind_to_port') ?? true,
    inbound: reader.enumeration('traffic_direction') === 'INBOUND',
    backlog: reader.number('tcp_backlog_size') ?? 4096,
    statPrefix,
    perConnectionBufferLimit: reader.number('per_connection_buffer_limit_bytes') ?? MEBIBYTE,
    filters: compileListenerFilters(reader, ctx),
    filterChains,
    defaultFilterChain: fallbackReader === undefined ? null : compile(fallbackReader, -1),
  };
}

/** `127.0.0.1_8080`, `[__1]_10002`: colons become underscores in names of statistics. */
function statAddress(address: SocketAddress): string {
  return formatAddress(address.ip, address.port).replaceAll(':', '_');
}

function compileAddress(reader: MessageReader, name: string, ctx: CompileContext): SocketAddress | null {
  const address = reader.message('address');
  if (address === undefined) {
    ctx.report(
      'error',
      'listener.no-address',
      reader,
      '',
      `error adding listener named '${name}': address is necessary`,
    );
    return null;
  }
  const pipe = address.message('pipe');
  if (pipe !== undefined) return { ip: pipe.string('path') ?? '', port: -1 };
  const socket = address.message('socket_address');
  if (socket === undefined) return null;
  const ip = socket.string('address') ?? '';
  if (isIP(ip) === 0) {
    if (ip !== '') {
      ctx.report('error', 'config.malformed-address', socket, 'address', `malformed IP address: ${ip}`, {
        expected: 'an IP address such as 127.0.0.1 or 0.0.0.0; listeners resolve no names',
      });
    }
    return null;
  }
  return { ip, port: socket.number('port_value') ?? 0 };
}

function compileFilterChain(
  reader: MessageReader,
  index: number,
  ctx: CompileContext,
  options: ListenerCompileOptions,
  statPrefix: string,
  address: string,
): FilterChainConfig {
  const name = reader.string('name') ?? '';
  const match = compileFilterChainMatch(reader.message('filter_chain_match'), ctx, address);
  const socket = reader.message('transport_socket');
  const filters = reader.messages('filters');
  let http: FilterChainConfig['http'] = null;
  let kind: FilterChainConfig['kind'] = 'empty';
  filters.forEach((filter, position) => {
    const filterName = filter.string('name') ?? '';
    const node = filter.node.fields.get('typed_config')?.value;
    if (node === undefined && !filter.has('config_discovery')) {
      ctx.report(
        'error',
        'listener.unknown-filter',
        filter,
        'name',
        `Didn't find a registered implementation for '${filterName}' with type URL: ''`,
      );
      return;
    }
    const type = node?.kind === 'message' ? node.type : '';
    const last = position === filters.length - 1;
    const terminal = isTerminalNetworkFilter(type);
    if (terminal && !last) {
      ctx.report(
        'error',
        'listener.terminal-filter-not-last',
        filter,
        'name',
        `Error: terminal filter named ${filterName} of type ${networkFilterName(type)} must be the last filter in a network filter chain.`,
      );
    } else if (!terminal && last && type !== '') {
      ctx.report(
        'error',
        'listener.no-terminal-filter',
        filter,
        'name',
        `Error: non-terminal filter named ${filterName} of type ${networkFilterName(type)} is the last filter in a network filter chain.`,
      );
    }
    if (kind === 'empty') kind = 'other';
    if (type === HCM_TYPE) {
      const config = filter.message('typed_config');
      if (config !== undefined) {
        kind = 'http';
        http = compileHttpConnectionManager(config, ctx, options, statPrefix);
      }
    }
  });
  return {
    key: name === '' ? `#${index}` : name,
    name,
    source: reader.range,
    match,
    matchText: index < 0 ? 'default' : matchText(match),
    kind,
    tls: socket !== undefined && !isRawBuffer(socket),
    serverTls: socket === undefined ? null : compileServerTls(socket, ctx),
    http,
  };
}

/** Two chains that match the same connections. */
function checkDuplicateChains(
  readers: readonly MessageReader[],
  chains: readonly FilterChainConfig[],
  address: string,
  ctx: CompileContext,
): void {
  const seen = new Map<string, FilterChainConfig>();
  chains.forEach((chain, index) => {
    const key = matchKey(chain.match);
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, chain);
      return;
    }
    ctx.report(
      'error',
      'listener.duplicate-filter-chain',
      readers[index] as MessageReader,
      '',
      `error adding listener '${address}': filter chain '${chain.name}' has the same matching rules defined as '${first.name}'. duplicate matcher is: ${matchJson(chain.match)}`,
    );
  });
}
