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

/** What can be said of a certificate, by the end of the operator's name. */
const CERTIFICATE_PARTS: Readonly<Record<string, (certificate: PeerCertificate) => string>> = {
  SUBJECT: (c) => c.subject,
  ISSUER: (c) => c.issuer,
  SERIAL: (c) => c.serial,
  URI_SAN: (c) => c.uriSans.join(','),
  DNS_SAN: (c) => c.dnsSans.join(','),
  IP_SAN: (c) => c.ipSans.join(','),
  EMAIL_SAN: (c) => c.emailSans?.join(',') ?? '',
  OTHERNAME_SAN: (c) => c.otherNameSans?.join(',') ?? '',
  FINGERPRINT_256: (c) => c.fingerprint256,
  FINGERPRINT_1: (c) => c.fingerprint1,
  CHAIN_FINGERPRINTS_256: (c) => c.chainFingerprints256?.join(',') ?? '',
  CHAIN_FINGERPRINTS_1: (c) => c.chainFingerprints1?.join(',') ?? '',
  CHAIN_SERIALS: (c) => c.chainSerials?.join(',') ?? '',
  CERT: (c) => encodeURIComponent(c.pem),
};

/** Not everything is an operator on each side: with another name Envoy refuses the format. */
const UPSTREAM_PEER_PARTS = ['SUBJECT', 'ISSUER', 'URI_SAN', 'DNS_SAN', 'IP_SAN', 'CERT'];
const DOWNSTREAM_LOCAL_PARTS = ['SUBJECT', 'URI_SAN', 'DNS_SAN', 'IP_SAN', 'EMAIL_SAN', 'OTHERNAME_SAN'];
const UPSTREAM_LOCAL_PARTS = ['URI_SAN', 'DNS_SAN', 'IP_SAN'];

function tlsOperators(side: string, tls: TlsOf): Record<string, OperatorDefinition> {
  return {
    [`${side}_TLS_VERSION`]: plain((info) => orNull(tls(info)?.version ?? '')),
    [`${side}_TLS_CIPHER`]: plain((info) => orNull(tls(info)?.cipher ?? '')),
    [`${side}_TLS_SESSION_ID`]: plain((info) => orNull(tls(info)?.sessionId ?? '')),
  };
}

function certificateOperators(
  prefix: string,
  parts: readonly string[],
  certificate: (info: StreamInfo) => PeerCertificate | null,
): Record<string, OperatorDefinition> {
  const operators: Record<string, OperatorDefinition> = {};
  for (const part of parts) {
    const read = CERTIFICATE_PARTS[part];
    if (read === undefined) continue;
    operators[`${prefix}_${part}`] = plain((info): FormatValue => {
      const found = certificate(info);
      return found === null ? null : orNull(read(found));
    });
  }
  return operators;
}

const downstream: TlsOf = (info) => info.connection.tls;
const upstream: TlsOf = (info) => info.upstreamTls;

export const CONNECTION_OPERATORS: Readonly<Record<string, OperatorDefinition>> = {
  ...addressOperators('DOWNSTREAM_REMOTE_ADDRESS', (info) => info.remote),
  ...addressOperators('DOWNSTREAM_DIRECT_REMOTE_ADDRESS', (info) => info.connection.directRemote),
  ...addressOperators('DOWNSTREAM_LOCAL_ADDRESS', (info) => info.connection.local),
  ...addressOperators(
    'DOWNSTREAM_DIRECT_LOCAL_ADDRESS',
    (info) => info.connection.directLocal ?? info.connection.local,
  ),
  ...addressOperators('UPSTREAM_LOCAL_ADDRESS', (info) => info.upstreamLocal),
  ...tlsOperators('DOWNSTREAM', downstream),
  ...tlsOperators('UPSTREAM', upstream),
  ...certificateOperators(
    'DOWNSTREAM_PEER',
    Object.keys(CERTIFICATE_PARTS),
    (info) => downstream(info)?.peer ?? null,
  ),
  ...certificateOperators(
    'DOWNSTREAM_LOCAL',
    DOWNSTREAM_LOCAL_PARTS,
    (info) => downstream(info)?.local ?? null,
  ),
  ...certificateOperators('UPSTREAM_PEER', UPSTREAM_PEER_PARTS, (info) => upstream(info)?.peer ?? null),
  ...certificateOperators('UPSTREAM_LOCAL', UPSTREAM_LOCAL_PARTS, (info) => upstream(info)?.local ?? null),
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
