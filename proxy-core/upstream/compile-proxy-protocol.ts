import type { MessageReader } from '../config/reader.ts';
import type { ProxyProtocolOut } from './types.ts';

const TYPE = 'envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport';

/** A transport socket without its PROXY protocol wrapper: what it wraps, and what the wrapper says. */
export interface UnwrappedSocket {
  /** Undefined: raw buffer. */
  readonly socket: MessageReader | undefined;
  readonly proxyProtocol: ProxyProtocolOut | null;
}

/** `envoy.transport_sockets.upstream_proxy_protocol` around another transport socket. */
export function unwrapProxyProtocol(socket: MessageReader | undefined): UnwrappedSocket {
  const node = socket?.node.fields.get('typed_config')?.value;
  if (socket === undefined || node?.kind !== 'message' || node.type !== TYPE) {
    return { socket, proxyProtocol: null };
  }
  const reader = socket.message('typed_config');
  const config = reader?.message('config');
  const passThrough = config?.message('pass_through_tlvs');
  const all = (passThrough?.enumeration('match_type') ?? 'INCLUDE_ALL') === 'INCLUDE_ALL';
  const types = passThrough?.numbers('tlv_type') ?? [];
  return {
    socket: reader?.message('transport_socket'),
    proxyProtocol: {
      version: config?.enumeration('version') === 'V2' ? 2 : 1,
      passesTlv: (type) => passThrough !== undefined && (all || types.includes(type)),
    },
  };
}
