import type { RequestHead, StreamInfo } from '../../base/stream-info.ts';

/**
 * The head that a row shows. A connection under network filters has no request: its row says `TCP` and the server name
 * that it came for, or the address.
 */
export function shownHead(info: StreamInfo): RequestHead | null {
  if (info.downstreamProtocol !== 'TCP') return info.receivedHead;
  const { requestedServerName, local } = info.connection;
  const ip = local.ip.includes(':') && local.port >= 0 ? `[${local.ip}]` : local.ip;
  const authority =
    requestedServerName !== '' ? requestedServerName : local.port < 0 ? ip : `${ip}:${local.port}`;
  return { method: 'TCP', authority, path: '', scheme: '', protocol: '', headers: [] };
}
