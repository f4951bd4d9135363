import type { PeerCertificate, SocketAddress, StreamInfo, TlsInfo } from '../../base/stream-info.ts';
import type { CertificateDetail, ConnectionDetail, TlsDetail } from '../../facade/records.ts';

/** What is shown of the connections of a stream. */
export function connectionDetail(info: StreamInfo): ConnectionDetail {
  const { connection } = info;
  return {
    id: connection.id,
    local: addressText(connection.local),
    directRemote: addressText(connection.directRemote),
    filterChain: connection.filterChainName,
    serverName: connection.requestedServerName,
    ja3: connection.ja3 ?? '',
    ja4: connection.ja4 ?? '',
    tls: tlsDetail(connection.tls),
    terminationDetails: connection.terminationDetails,
    upstream: {
      id: info.upstreamConnectionId > 0 ? info.upstreamConnectionId : -1,
      local: info.upstreamLocal === null ? '' : addressText(info.upstreamLocal),
      protocol: info.upstreamProtocol ?? '',
      tls: tlsDetail(info.upstreamTls),
      failure: info.upstreamTransportFailureReason,
    },
  };
}

/** `127.0.0.1:80`, `[::1]:80`, or the path of a Unix socket. */
export function addressText({ ip, port }: SocketAddress): string {
  if (port < 0) return ip;
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function tlsDetail(tls: TlsInfo | null): TlsDetail | null {
  if (tls === null) return null;
  const { version, cipher, alpn } = tls;
  return { version, cipher, alpn, peer: certificateDetail(tls.peer), local: certificateDetail(tls.local) };
}

function certificateDetail(certificate: PeerCertificate | null): CertificateDetail | null {
  if (certificate === null) return null;
  const { subject, issuer, serial, uriSans, dnsSans, ipSans, fingerprint256, validFrom, validTo } =
    certificate;
  return {
    subject,
    issuer,
    serial,
    names: [
      ...dnsSans.map((name) => `DNS:${name}`),
      ...uriSans.map((name) => `URI:${name}`),
      ...ipSans.map((name) => `IP:${name}`),
    ],
    fingerprint: fingerprint256,
    validFrom,
    validTo,
  };
}
