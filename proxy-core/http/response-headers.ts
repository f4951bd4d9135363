import { type HeaderList, headerValue } from '../base/headers.ts';
import type { ResponseHead, StreamInfo } from '../base/stream-info.ts';
import type { HttpConnectionManagerConfig } from './connection-manager-config.ts';
import { httpDate } from './date.ts';

/**
 * The connection manager's last word on a response head, in place (Envoy: ConnectionManagerImpl encodeHeaders and
 * mutateResponseHeaders): hop-by-hop headers go, `date`, `server`, `x-request-id` and `via` are settled, `connection:
 * close` is added when the connection ends with this exchange.
 */
export function mutateResponseHeaders(
  head: ResponseHead,
  info: StreamInfo,
  config: HttpConnectionManagerConfig,
  wall: number,
  upgrade: boolean,
): void {
  const headers = head.headers;
  let date = false;
  let server = false;
  let via = config.via === '';
  let to = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    let value = headers[i + 1] as string;
    switch (name) {
      case 'connection':
      case 'upgrade':
        if (!upgrade) continue;
        break;
      case 'transfer-encoding':
      case 'keep-alive':
      case 'proxy-connection':
        continue;
      case 'date':
        date = true;
        break;
      case 'server':
        if (config.serverHeader === 'OVERWRITE') {
          if (server) continue;
          value = config.serverName;
        }
        server = true;
        break;
      case 'via':
        if (!via) {
          via = true;
          value = `${value}, ${config.via}`;
        }
        break;
      default:
        break;
    }
    headers[to] = name;
    headers[to + 1] = value;
    to += 2;
  }
  if (to < headers.length) headers.length = to;
  if (!date) headers.push('date', httpDate(wall));
  if (!server && config.serverHeader !== 'PASS_THROUGH') headers.push('server', config.serverName);
  if (config.alwaysSetRequestIdInResponse && info.requestId !== '') setRequestId(headers, info.requestId);
  if (!via) headers.push('via', config.via);
}

function setRequestId(headers: HeaderList, id: string): void {
  if (headerValue(headers, 'x-request-id') === undefined) headers.push('x-request-id', id);
}
