/** `PRI * HTTP/2`: what Envoy looks at to tell the protocols apart on clear text. */
const MAGIC = 'PRI * HTTP/2';

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
): 'HTTP1' | 'HTTP2' | null {
  if (codecType === 'HTTP1' || codecType === 'HTTP2') return codecType;
  if (alpn === 'h2') return 'HTTP2';
  if (alpn !== '') return 'HTTP1';
  const length = Math.min(end - start, MAGIC.length);
  for (let i = 0; i < length; i++) if (bytes[start + i] !== MAGIC.charCodeAt(i)) return 'HTTP1';
  return length === MAGIC.length ? 'HTTP2' : null;
}
