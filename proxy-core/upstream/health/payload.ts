import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';

/** `HealthCheck.Payload`: hexadecimal text or binary. Null when an error was reported. */
export function compilePayload(reader: MessageReader, ctx: CompileContext): Uint8Array | null {
  const text = reader.string('text');
  if (text === undefined) return reader.bytes('binary') ?? new Uint8Array(0);
  const bytes = decodeHex(text);
  if (bytes === null) {
    ctx.report(
      'error',
      'cluster.health-check-hex',
      reader,
      'text',
      `“${text}” is not a text of hexadecimal digits, two for each byte.`,
    );
  }
  return bytes;
}

/** Null when it is not hexadecimal or has half a byte. */
export function decodeHex(text: string): Uint8Array | null {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return null;
  return new Uint8Array(Buffer.from(text, 'hex'));
}

/** True when the segments occur in the bytes in their order, each behind the one before (envoy PayloadMatcher). */
export function matchesPayload(segments: readonly Uint8Array[], bytes: Uint8Array): boolean {
  const haystack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = 0;
  for (const segment of segments) {
    const found = segment.length === 0 ? position : haystack.indexOf(segment, position);
    if (found < 0) return false;
    position = found + segment.length;
  }
  return true;
}
