import type { RecordDetail } from '../../../proxy-core/index.ts';

/** Headers that the URL says, or that say how this one message was written. */
const LEFT_OUT = new Set(['host', 'connection', 'content-length', 'transfer-encoding']);

/**
 * A recorded request as fields of the route tester. The port of the URL picks the listener; where the request did not
 * name it, its own Host goes as a header.
 * @param listener bound address of the listener; empty when it is not known
 */
export function testerQuery(
  { row, request, connection }: RecordDetail,
  listener: string,
): Record<string, string> {
  const port = /:(\d+)$/.exec(listener)?.[1] ?? '';
  const named = /:\d+$/.test(row.authority);
  const headers = request.headers
    .filter(([name]) => !name.startsWith(':') && !LEFT_OUT.has(name.toLowerCase()))
    .map(([name, value]) => `${name}: ${value}`);
  if (!named && port !== '') headers.unshift(`host: ${row.authority}`);
  return {
    method: row.method,
    url: `${connection.tls === null ? 'http' : 'https'}://${row.authority}${named || port === '' ? '' : `:${port}`}${row.path}`,
    ...(headers.length === 0 ? {} : { headers: headers.join('\n') }),
  };
}
