import type { RecordDetail } from '../../../proxy-core/index.ts';

/** A POSIX shell word: quoted unless it is plain. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Headers that curl or the connection makes by itself. */
const OWN = new Set(['host', 'connection', 'content-length', 'transfer-encoding']);

/**
 * The request as a curl command. It goes to the listener whatever the host's name resolves to; a kept body is not
 * repeated, its length is said.
 * @param listener bound address of the listener; empty when it is not known
 */
export function curlCommand(detail: RecordDetail, listener: string): string {
  const { row, request } = detail;
  const words = ['curl', '-i'];
  if (row.method === 'HEAD') words.push('--head');
  else if (row.method !== 'GET') words.push('-X', shellWord(row.method));
  const address = reachable(listener);
  if (address !== '' && address !== row.authority) words.push('--connect-to', `::${address}`);
  for (const [name, value] of request.headers) {
    if (OWN.has(name.toLowerCase()) || name.startsWith(':')) continue;
    // Without a value, curl would leave the header out.
    words.push('-H', shellWord(value === '' ? `${name};` : `${name}: ${value}`));
  }
  // The listener's certificate is often one that only this machine knows.
  const secure = detail.connection.tls !== null;
  if (secure) words.push('-k');
  words.push(shellWord(`${secure ? 'https' : 'http'}://${row.authority}${row.path}`));
  const command = words.join(' ');
  return request.bodyLength === 0
    ? command
    : `${command} # the body of ${request.bodyLength} bytes is left out`;
}

/** An address that stands for all of this machine's, as one that can be connected to. */
function reachable(address: string): string {
  return address.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:');
}
