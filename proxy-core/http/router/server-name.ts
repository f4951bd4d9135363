import { isIP } from 'node:net';
import { headerValue } from '../../base/headers.ts';
import type { ConnectionInfo, RequestHead } from '../../base/stream-info.ts';
import type { ServerName } from '../../network/tls/client.ts';
import { connectionPreface } from '../../upstream/pool/preface.ts';
import type { ClusterConfig } from '../../upstream/types.ts';

/**
 * What TLS to a cluster goes by for this request (`auto_sni`, `auto_san_validation`), and the PROXY header that its
 * connection begins with; null: what the cluster says. An
 * address is no server name, but a certificate may stand for one.
 */
export function upstreamServerName(
  config: ClusterConfig,
  head: RequestHead,
  connection: ConnectionInfo,
): ServerName | null {
  const auto = config.autoServerName;
  const preface = connectionPreface(config, connection);
  if (auto === null || config.transportSocket === null) {
    return preface === null ? null : { sni: '', san: '', preface };
  }
  const written = auto.header === '' ? '' : (headerValue(head.headers, auto.header) ?? '');
  const host = hostOf(written === '' ? head.authority : written).toLowerCase();
  const sni = auto.sni && isIP(host) === 0 ? host : '';
  const san = auto.san ? host : '';
  return sni === '' && san === '' && preface === null ? null : { sni, san, preface };
}

/** Without port, and without the brackets of an IPv6 address. */
function hostOf(authority: string): string {
  if (authority.startsWith('[')) return authority.slice(1, Math.max(1, authority.indexOf(']')));
  const colon = authority.indexOf(':');
  return colon < 0 || colon !== authority.lastIndexOf(':') ? authority : authority.slice(0, colon);
}
