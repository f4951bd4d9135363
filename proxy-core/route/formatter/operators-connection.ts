import type { PeerCertificate, SocketAddress, StreamInfo, TlsInfo } from '../../base/stream-info.ts';
import { type FormatValue, type OperatorDefinition, orNull, plain } from './operator.ts';

type AddressOf = (info: StreamInfo) => SocketAddress | null;

/** `127.0.0.1:51608`, `[::1]:51608`, or the path of a Unix socket. */
export function addressText(address: SocketAddress): string {
  if (address.port < 0) return address.ip;
  return address.ip.includes(':') ? `[${address.ip}]:${address.port}` : `${address.ip}:${address.port}`;
}

function addressOperators(name: string, address: AddressOf): Record<string, OperatorDefinition> {
  const portName = name.replace(/_ADDRESS$/, '_PORT');
  return {
    [name]: plain((info) => {
      const found = address(info);
      return found === null ? null : addressText(found);
    }),
    [`${name}_WITHOUT_PORT`]: plain((info) => orNull(address(info)?.ip ?? '')),
    [portName]: plain((info) => {
      const port = address(info)?.port ?? -1;
      return port < 0 ? null : port;
    }),
  };
}

type TlsOf = (info: StreamInfo) => TlsInfo | null;

function tlsOperators(side: string, tls: TlsOf): Record<string, OperatorDefinition> {
  return {
    [`${side}_TLS_VERSION`]: plain((info) => orNull(tls(info)?.version ?? '')),
    [`${side}_TLS_CIPHER`]: plain((info) => orNull(tls(info)?.cipher ?? '')),
    [`${side}_TLS_SESSION_ID`]: plain((info) => orNull(tls(info)?.sessionId ?? '')),
    ...certificateOperators(`${side}_PEER`, (info) => tls(info)?.peer ?? null),
    ...certificateOperators(`${side}_LOCAL`, (info) => tls(info)?.local ?? null),
  };
}

function certificateOperators(
  prefix: string,
  certificate: (info: StreamInfo) => PeerCertificate | null,
): Record<string, OperatorDefinition> {
  const read = (value: (c: PeerCertificate) => string): OperatorDefinition =>
    plain((info): FormatValue => {
      const found = certificate(info);
      return found === null ? null : orNull(value(found));
    });
  return {
    [`${prefix}_SUBJECT`]: read((c) => c.subject),
    [`${prefix}_ISSUER`]: read((c) => c.issuer),
    [`${prefix}_SERIAL`]: read((c) => c.serial),
    [`${prefix}_URI_SAN`]: read((c) => c.uriSans.join(',')),
    [`${prefix}_DNS_SAN`]: read((c) => c.dnsSans.join(',')),
    [`${prefix}_IP_SAN`]: read((c) => c.ipSans.join(',')),
    [`${prefix}_EMAIL_SAN`]: read((c) => c.emailSans?.join(',') ?? ''),
    [`${prefix}_OTHERNAME_SAN`]: read((c) => c.otherNameSans?.join(',') ?? ''),
    [`${prefix}_CHAIN_FINGERPRINTS_256`]: read((c) => c.chainFingerprints256?.join(',') ?? ''),
    [`${prefix}_CHAIN_FINGERPRINTS_1`]: read((c) => c.chainFingerprints1?.join(',') ?? ''),
    [`${prefix}_CHAIN_SERIALS`]: read((c) => c.chainSerials?.join(',') ?? ''),
    [`${prefix}_FINGERPRINT_256`]: read((c) => c.fingerprint256),
    [`${prefix}_FINGERPRINT_1`]: read((c) => c.fingerprint1),
    [`${prefix}_CERT`]: read((c) => encodeURIComponent(c.pem)),
  };
}

export const CONNECTION_OPERATORS: Readonly<Record<string, OperatorDefinition>> = {
  ...addressOperators('DOWNSTREAM_REMOTE_ADDRESS', (info) => info.remote),
  ...addressOperators('DOWNSTREAM_DIRECT_REMOTE_ADDRESS', (info) => info.connection.directRemote),
  ...addressOperators('DOWNSTREAM_LOCAL_ADDRESS', (info) => info.connection.local),
  ...addressOperators(
    'DOWNSTREAM_DIRECT_LOCAL_ADDRESS',
    (info) => info.connection.directLocal ?? info.connection.local,
  ),
  ...addressOperators('UPSTREAM_LOCAL_ADDRESS', (info) => info.upstreamLocal),
  ...tlsOperators('DOWNSTREAM', (info) => info.connection.tls),
  ...tlsOperators('UPSTREAM', (info) => info.upstreamTls),
  CONNECTION_ID: plain((info) => info.connection.id),
  CONNECTION_TERMINATION_DETAILS: plain((info) => orNull(info.connection.terminationDetails)),
  REQUESTED_SERVER_NAME: plain((info) => orNull(info.connection.requestedServerName)),
  TLS_JA3_FINGERPRINT: plain((info) => orNull(info.connection.ja3 ?? '')),
  TLS_JA4_FINGERPRINT: plain((info) => orNull(info.connection.ja4 ?? '')),
  FILTER_CHAIN_NAME: plain((info) => orNull(info.connection.filterChainName)),
  DOWNSTREAM_TRANSPORT_FAILURE_REASON: plain((info) =>
    orNull((info.connection.transportFailureReason ?? '').replaceAll(' ', '_')),
  ),
  BYTES_RETRANSMITTED: plain(() => 0),
  PACKETS_RETRANSMITTED: plain(() => 0),
};
