import type { CompileContext } from '../config/compile-context.ts';
import { fingerprint } from '../config/fingerprint.ts';
import type { MessageReader } from '../config/reader.ts';
import type { ListenerCompileOptions } from '../http/compile.ts';
import { compileNetworkFilters } from '../network-filters/index.ts';
import { compileFilterChainMatch, matchJson, matchKey, matchText } from './filter-chain-match.ts';
import type { FilterChainConfig } from './listener-config.ts';
import { isRawBuffer } from './tls/compile.ts';
import { compileServerTls } from './tls/server.ts';

/** Of the listener around a chain. */
export interface ChainSurroundings {
  readonly ctx: CompileContext;
  readonly options: ListenerCompileOptions;
  /** `listener.127.0.0.1_8080`. */
  readonly statPrefix: string;
  /** As Envoy names the listener in its errors. */
  readonly address: string;
}

/** Compiles `envoy.config.listener.v3.FilterChain`; `index` is -1 for the default one. */
export function compileFilterChain(
  reader: MessageReader,
  index: number,
  { ctx, options, statPrefix, address }: ChainSurroundings,
): FilterChainConfig {
  const name = reader.string('name') ?? '';
  const match = compileFilterChainMatch(reader.message('filter_chain_match'), ctx, address);
  const socket = reader.message('transport_socket');
  return {
    ...compileNetworkFilters(reader.messages('filters'), ctx, options, statPrefix),
    key: name === '' ? `#${index}` : name,
    fingerprint: fingerprint(reader.node, 'envoy.config.route.v3.RouteConfiguration'),
    name,
    source: reader.range,
    match,
    matchText: index < 0 ? 'default' : matchText(match),
    tls: socket !== undefined && !isRawBuffer(socket),
    serverTls: socket === undefined ? null : compileServerTls(socket, ctx),
    handshakeTimeout: reader.duration('transport_socket_connect_timeout') ?? 0,
  };
}

/** Two chains that match the same connections. */
export function checkDuplicateChains(
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
