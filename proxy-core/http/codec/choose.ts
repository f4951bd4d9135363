import { latin1Text } from '../../base/latin1.ts';

/** `PRI * HTTP/2`: what Envoy looks at to tell the protocols apart on clear text. */
const MAGIC = 'PRI * HTTP/2';

/** `NONE`: it is no HTTP of any version. */
export type ChosenProtocol = 'HTTP1' | 'HTTP2' | 'NONE';

/**
 * The protocol of a downstream connection. ALPN decides when there is one; without it the first bytes do. Null: what
 * came so far may become either.
 */
export function chooseProtocol(
  codecType: 'AUTO' | 'HTTP1' | 'HTTP2' | 'HTTP3',
  alpn: string,
  bytes: Uint8Array,
  start: number,
  end: number,
): ChosenProtocol | null {
  if (codecType === 'HTTP1' || codecType === 'HTTP2') return codecType;
  if (alpn === 'h2') return 'HTTP2';
  if (alpn !== '') return 'HTTP1';
  const length = Math.min(end - start, MAGIC.length);
  for (let i = 0; i < length; i++) {
    if (bytes[start + i] !== MAGIC.charCodeAt(i)) return isForeign(bytes, start, end) ? 'NONE' : 'HTTP1';
  }
  return length === MAGIC.length ? 'HTTP2' : null;
}

/**
 * A first line of three words whose last is not a version of HTTP: a broken HTTP/2 preface, or another protocol. An
 * HTTP/1 answer would only confuse its sender (RFC 9113, section 3.4: the connection is ended).
 */
function isForeign(bytes: Uint8Array, start: number, end: number): boolean {
  const lineFeed = bytes.indexOf(10, start);
  if (lineFeed < 0 || lineFeed >= end || lineFeed - start > 256) return false;
  const words = latin1Text(bytes, start, lineFeed).trimEnd().split(' ');
  return (
    words.length === 3 &&
    words[1] !== '' &&
    !/^(?:\/|\*|https?:)/i.test(words[1] ?? '') &&
    !/http/i.test(words[2] ?? '')
  );
}
