import type { MessageReader } from '../config/reader.ts';

/** A route's `connect_config`: CONNECT ends here, and what it carries goes on as TCP. */
export interface ConnectConfig {
  /** POST is treated as CONNECT is. */
  readonly allowPost: boolean;
  /** The header that the TCP stream begins with; null = none. */
  readonly proxyProtocol: {
    readonly version: 1 | 2;
    /** Version 2: whether a TLV of the downstream's own header goes along. */
    readonly passesTlv: (type: number) => boolean;
  } | null;
}

/** `envoy.config.route.v3.RouteAction.UpgradeConfig.ConnectConfig`. */
export function compileConnectConfig(reader: MessageReader): ConnectConfig {
  const header = reader.message('proxy_protocol_config');
  const passThrough = header?.message('pass_through_tlvs');
  const all = (passThrough?.enumeration('match_type') ?? 'INCLUDE_ALL') === 'INCLUDE_ALL';
  const types = passThrough?.numbers('tlv_type') ?? [];
  return {
    allowPost: reader.bool('allow_post') ?? false,
    proxyProtocol:
      header === undefined
        ? null
        : {
            version: header.enumeration('version') === 'V2' ? 2 : 1,
            passesTlv: (type) => passThrough !== undefined && (all || types.includes(type)),
          },
  };
}
