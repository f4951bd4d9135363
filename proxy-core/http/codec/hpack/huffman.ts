/**
 * The static Huffman code of HPACK (RFC 7541, appendix B). The code is canonical: the lengths below are all there is
 * to know, codes are given out in order of (length, symbol).
 */
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28,
  28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7,
  8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19,
  13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
  28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21,
  22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23,
  22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25,
  25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
const EOS = 256;

/** Code of each symbol, right-aligned. */
const CODES = new Uint32Array(257);

/** State × nibble → next state, or -1 for a code that must not occur. State 0 is the root. */
let transitions: Int16Array = new Int16Array(0);
/** State × nibble → symbol finished on the way, or -1. A nibble finishes at most one: the shortest code has 5 bits. */
let symbols: Int16Array = new Int16Array(0);
/** States in which the input may end: fewer than 8 bits since the last symbol, all of them ones. */
let accepting: Uint8Array = new Uint8Array(0);

build();

function build(): void {
  const order = LENGTHS.map((_, symbol) => symbol).sort(
    (a, b) => (LENGTHS[a] as number) - (LENGTHS[b] as number) || a - b,
  );
  let code = 0;
  let length = 0;
  for (const symbol of order) {
    const wanted = LENGTHS[symbol] as number;
    code <<= wanted - length;
    length = wanted;
    CODES[symbol] = code;
    code++;
  }

  // A binary tree: children of node n at 2n and 2n+1; a leaf is stored as -(symbol + 2), no child as 0.
  const children: number[] = [0, 0];
  const pad: boolean[] = [true];
  const depth: number[] = [0];
  for (let symbol = 0; symbol <= EOS; symbol++) {
    let node = 0;
    const bits = LENGTHS[symbol] as number;
    for (let bit = bits - 1; bit >= 0; bit--) {
      const one = ((CODES[symbol] as number) >>> bit) & 1;
      const slot = node * 2 + one;
      if (bit === 0) {
        children[slot] = -(symbol + 2);
      } else {
        if (children[slot] === 0) {
          const created = pad.length;
          children[slot] = created;
          children.push(0, 0);
          pad.push((pad[node] as boolean) && one === 1);
          depth.push((depth[node] as number) + 1);
        }
        node = children[slot] as number;
      }
    }
  }
  const states = pad.length;
  transitions = new Int16Array(states * 16);
  symbols = new Int16Array(states * 16).fill(-1);
  accepting = new Uint8Array(states);
  for (let state = 0; state < states; state++) {
    accepting[state] = pad[state] === true && (depth[state] as number) < 8 ? 1 : 0;
    for (let nibble = 0; nibble < 16; nibble++) {
      let node = state;
      let symbol = -1;
      for (let bit = 3; bit >= 0 && node >= 0; bit--) {
        const child = children[node * 2 + ((nibble >>> bit) & 1)] as number;
        if (child >= 0) node = child;
        else if (-child - 2 === EOS) node = -1;
        else {
          symbol = -child - 2;
          node = 0;
        }
      }
      transitions[state * 16 + nibble] = node;
      symbols[state * 16 + nibble] = symbol;
    }
  }
}

let scratch = new Uint8Array(4096);

/** Decodes to a latin1 string; null when the code is not valid (EOS inside, wrong or too long padding). */
export function huffmanDecode(bytes: Uint8Array, start: number, end: number): string | null {
  const most = Math.ceil(((end - start) * 8) / 5) + 1;
  if (most > scratch.length) scratch = new Uint8Array(most * 2);
  let state = 0;
  let length = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    let at = state * 16 + (byte >>> 4);
    let symbol = symbols[at] as number;
    if (symbol >= 0) scratch[length++] = symbol;
    state = transitions[at] as number;
    if (state < 0) return null;
    at = state * 16 + (byte & 15);
    symbol = symbols[at] as number;
    if (symbol >= 0) scratch[length++] = symbol;
    state = transitions[at] as number;
    if (state < 0) return null;
  }
  if (accepting[state] !== 1) return null;
  return latin1(scratch, length);
}

function latin1(bytes: Uint8Array, length: number): string {
  if (length > 2048) return chunked(bytes, length);
  return String.fromCharCode.apply(null, bytes.subarray(0, length) as unknown as number[]);
}

function chunked(bytes: Uint8Array, length: number): string {
  let text = '';
  for (let i = 0; i < length; i += 2048) {
    text += String.fromCharCode.apply(
      null,
      bytes.subarray(i, Math.min(length, i + 2048)) as unknown as number[],
    );
  }
  return text;
}

/** Length in bytes of a latin1 string in this code. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += LENGTHS[text.charCodeAt(i) & 255] as number;
  return (bits + 7) >>> 3;
}

/** Writes a latin1 string in this code; returns the index after it. */
export function huffmanEncode(text: string, target: Uint8Array, at: number): number {
  let bits = 0;
  let pending = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 255;
    let left = LENGTHS[symbol] as number;
    const code = CODES[symbol] as number;
    while (left > 0) {
      const take = Math.min(left, 8 - pending);
      bits = (bits << take) | ((code >>> (left - take)) & ((1 << take) - 1));
      pending += take;
      left -= take;
      if (pending === 8) {
        target[at++] = bits;
        bits = 0;
        pending = 0;
      }
    }
  }
  if (pending > 0) target[at++] = (bits << (8 - pending)) | ((1 << (8 - pending)) - 1);
  return at;
}
