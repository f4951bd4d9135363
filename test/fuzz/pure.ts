import { HpackDecoder } from '../../proxy-core/http/codec/hpack/decoder.ts';
import { canonicalPath, mergeSlashes } from '../../proxy-core/http/path.ts';
import { compileFormat, LOG_FORMAT } from '../../proxy-core/route/index.ts';
import { compilePattern } from '../../proxy-core/route/regex.ts';
import { streamInfo } from '../unit/proxy-core/route/support.ts';

/** Any text as a substitution format: an error in words, or lines of text. */
export function fuzzFormat(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('utf8');
  let error: string | null = null;
  const format = compileFormat(text, LOG_FORMAT, (message) => {
    error = message;
  });
  const line = format.format(streamInfo());
  if (typeof line !== 'string') throw new Error('a line that is no text');
  if (error !== null && line !== text) throw new Error('a wrong format prints as it stands');
}

/** First line the pattern, the rest the text: no exception, and time that grows with the text only. */
export function fuzzRegex(bytes: Uint8Array): void {
  const [pattern = '', ...rest] = Buffer.from(bytes).toString('utf8').split('\n');
  const compiled = compilePattern(pattern);
  if ('error' in compiled) {
    if (compiled.error === '') throw new Error('refused without a reason');
    return;
  }
  // Larger programs are refused by configuration.
  if (compiled.programSize > 1000) return;
  compiled.regex.fullMatch(rest.join('\n'));
  compiled.regex.replaceAll(rest.join('\n'), '\\1x');
}

/** Any path: dot segments are gone after one pass, and a second pass finds nothing more to do. */
export function fuzzPath(bytes: Uint8Array): void {
  const text = `/${Buffer.from(bytes).toString('latin1').replaceAll('?', '').replaceAll('#', '')}`;
  const once = canonicalPath(text);
  if (once === null) return;
  if (!once.startsWith('/')) throw new Error(`${JSON.stringify(text)} became ${JSON.stringify(once)}`);
  if (/\/\.\.?(\/|$)/.test(once)) throw new Error(`dots left in ${JSON.stringify(once)}`);
  const twice = canonicalPath(once);
  if (twice !== once)
    throw new Error(`${JSON.stringify(once)} became ${JSON.stringify(twice)} at second sight`);
  if (mergeSlashes(once).includes('//')) throw new Error(`slashes left in ${JSON.stringify(once)}`);
}

/** Any bytes as a header block: fields within what the table can hold, or an error; nothing thrown. */
export function fuzzHpack(bytes: Uint8Array): void {
  const decoder = new HpackDecoder(4096);
  let size = 0;
  const sink = {
    onField(name: string, value: string): void {
      size += name.length + value.length;
    },
  };
  const half = bytes.length >> 1;
  if (decoder.decode(bytes, 0, half, sink) !== null) return;
  decoder.decode(bytes, half, bytes.length, sink);
  // An indexed field of one byte names at most a whole table.
  if (size > (bytes.length + 1) * 4096) throw new Error(`${bytes.length} bytes became ${size}`);
}
