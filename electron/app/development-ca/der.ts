/** Writes DER (ITU-T X.690), as much of it as X.509 certificates need. Each function gives one encoded element. */

function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag, ...lengthOctets(content.length)]), content]);
}

function lengthOctets(length: number): number[] {
  if (length < 128) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest & 255);
  return [128 | octets.length, ...octets];
}

export function sequence(...items: readonly Uint8Array[]): Buffer {
  return element(0x30, ...items);
}

export function set(...items: readonly Uint8Array[]): Buffer {
  return element(0x31, ...items);
}

/** A non-negative INTEGER from its bytes, the most significant first. */
export function integer(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const value = bytes.subarray(start);
  const needsSign = value.length === 0 || ((value[0] as number) & 128) !== 0;
  return element(2, needsSign ? Buffer.from([0]) : Buffer.alloc(0), value);
}

export function boolean(value: boolean): Buffer {
  return element(1, Buffer.from([value ? 255 : 0]));
}

export function octetString(content: Uint8Array): Buffer {
  return element(4, content);
}

/** @param unused bits at the end of the last byte that do not count */
export function bitString(content: Uint8Array, unused = 0): Buffer {
  return element(3, Buffer.from([unused]), content);
}

export function utf8String(text: string): Buffer {
  return element(12, Buffer.from(text, 'utf8'));
}

/** `1.2.840.10045.4.3.2` */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets = [first * 40 + second, ...rest].flatMap((part) => {
    const digits = [part & 127];
    for (let more = Math.floor(part / 128); more > 0; more = Math.floor(more / 128)) {
      digits.unshift((more & 127) | 128);
    }
    return digits;
  });
  return element(6, Buffer.from(octets));
}

/** UTCTime up to 2049, GeneralizedTime after it (RFC 5280, section 4.1.2.5). */
export function time(at: Date): Buffer {
  const digits = at.toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return at.getUTCFullYear() < 2050
    ? element(23, Buffer.from(`${digits.slice(2)}Z`, 'latin1'))
    : element(24, Buffer.from(`${digits}Z`, 'latin1'));
}

/** `[n] EXPLICIT`: an element around elements. */
export function explicit(tag: number, ...items: readonly Uint8Array[]): Buffer {
  return element(0xa0 | tag, ...items);
}

/** `[n] IMPLICIT` of a primitive type. */
export function implicit(tag: number, content: Uint8Array): Buffer {
  return element(0x80 | tag, content);
}
