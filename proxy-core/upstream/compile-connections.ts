import { canonicalJson } from '../base/subset-criteria.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { SocketOptions } from '../network/connect.ts';
import type { ClientTls } from '../network/tls/client.ts';
import type { EndpointMetadata } from './cluster-config.ts';

/** Seconds without traffic until Linux probes a peer. */
const SYSTEM_KEEPALIVE = 7200;

/**
 * `upstream_bind_config` and `upstream_connection_options`; null when neither says anything.
 * @param everywhere The bind settings of the cluster manager, for clusters without their own.
 */
export function compileSocketOptions(
  cluster: MessageReader,
  everywhere: MessageReader | null,
): SocketOptions | null {
  const bind = cluster.message('upstream_bind_config') ?? everywhere;
  const own = [
    bind?.message('source_address'),
    ...(bind?.messages('extra_source_addresses') ?? []).map((each) => each.message('address')),
  ];
  const localAddresses = own.flatMap((address) => {
    address?.acknowledge('protocol');
    const ip = address?.string('address') ?? '';
    return ip === '' ? [] : [{ ip, port: address?.number('port_value') ?? 0 }];
  });
  const keepAlive = cluster.message('upstream_connection_options')?.message('tcp_keepalive');
  if (localAddresses.length === 0 && keepAlive === undefined) return null;
  return {
    localAddresses,
    keepAliveDelay:
      keepAlive === undefined ? null : (keepAlive.number('keepalive_time') ?? SYSTEM_KEEPALIVE) * 1000,
  };
}

/** One of `transport_socket_matches`. */
export interface TransportSocketMatch {
  readonly name: string;
  /** What the endpoint's metadata under `envoy.transport_socket_match` must hold, as canonical JSON. */
  readonly match: readonly (readonly [string, string])[];
  /** Null: no TLS. */
  readonly socket: ClientTls | null;
}

export function compileTransportSocketMatches(
  cluster: MessageReader,
  ctx: CompileContext,
  compile: ((reader: MessageReader, ctx: CompileContext) => ClientTls | null) | null,
): TransportSocketMatch[] {
  if (compile === null) return [];
  return cluster.messages('transport_socket_matches').map((one) => {
    const socket = one.message('transport_socket');
    const match = (one.json('match') ?? {}) as Record<string, unknown>;
    return {
      name: one.string('name') ?? '',
      match: Object.entries(match).map(([key, value]) => [key, canonicalJson(value)] as const),
      socket: socket === undefined ? null : compile(socket, ctx),
    };
  });
}

/** The first that the endpoint's metadata satisfies; null = the cluster's own transport socket. */
export function matchTransportSocket(
  matches: readonly TransportSocketMatch[],
  metadata: EndpointMetadata,
): TransportSocketMatch | null {
  const values = metadata.get('envoy.transport_socket_match') ?? {};
  const holds = ([key, wanted]: readonly [string, string]): boolean =>
    values[key] !== undefined && canonicalJson(values[key]) === wanted;
  return matches.find(({ match }) => match.every(holds)) ?? null;
}
