import type { RecordDetail } from '../../../proxy-core/index.ts';

/** A POSIX shell word: quoted unless it is plain. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Headers that curl or the connection makes by itself. */
const OWN = new Set(['host', 'connection', 'content-length', 'transfer-encoding']);

/** The request as a curl command to the listener; a kept body is not repeated, its length is said. */
export function curlCommand(detail: RecordDetail): string {
  const { row, request } = detail;
  const words = ['curl', '-i'];
  if (row.method === 'HEAD') words.push('--head');
  else if (row.method !== 'GET') words.push('-X', row.method);
  for (const [name, value] of request.headers) {
    if (!OWN.has(name.toLowerCase()) && !name.startsWith(':'))
      words.push('-H', shellWord(`${name}: ${value}`));
  }
  words.push(shellWord(`http://${row.authority}${row.path}`));
  const command = words.join(' ');
  return request.bodyLength === 0
    ? command
    : `${command} # the body of ${request.bodyLength} bytes is left out`;
}
