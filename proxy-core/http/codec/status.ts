import { reasonPhrase } from '../../base/reason-phrase.ts';

const lines = new Map<number, string>();

/** `HTTP/1.1 200 OK\r\n`, made once per status; with a phrase of its own each time. */
export function statusLine(status: number, phrase = ''): string {
  if (phrase !== '') return `HTTP/1.1 ${status} ${phrase}\r\n`;
  let line = lines.get(status);
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`;
    lines.set(status, line);
  }
  return line;
}
