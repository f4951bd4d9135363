import { reasonPhrase } from '../../base/reason-phrase.ts';

const lines = new Map<number, string>();

/** `HTTP/1.1 200 OK\r\n`, made once per status. */
export function statusLine(status: number): string {
  let line = lines.get(status);
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`;
    lines.set(status, line);
  }
  return line;
}
