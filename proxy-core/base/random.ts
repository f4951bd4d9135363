import { latin1Text } from './latin1.ts';

/** Randomness, handed in: every draw of the core goes through one of these. */
export interface Random {
  /** A uniform integer in [0, 2^53). Decisions keep it, so that they can be made again. */
  next(): number;
  /** A version-4 UUID in lower case. */
  uuid(): string;
}

/** A fixed, seeded sequence for tests and for re-deciding (splitmix32 on two lanes). */
export class SeededRandom implements Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  private next32(): number {
    this.state = (this.state + 0x9e3779b9) >>> 0;
    let z = this.state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  }

  next(): number {
    return (this.next32() >>> 11) * 0x100000000 + this.next32();
  }

  uuid(): string {
    return formatUuid(this.next32(), this.next32(), this.next32(), this.next32());
  }
}

/** The text of one id, and where in it the digits of each of its four words stand; dashes stay. */
const uuidText = Buffer.alloc(36, '-');
const DIGITS = Buffer.from('0123456789abcdef', 'latin1');
const PLACES = [
  [0, 1, 2, 3, 4, 5, 6, 7],
  [9, 10, 11, 12, 14, 15, 16, 17],
  [19, 20, 21, 22, 24, 25, 26, 27],
  [28, 29, 30, 31, 32, 33, 34, 35],
] as const;

function putWord(word: number, places: readonly number[]): void {
  for (let i = 0; i < 8; i++) {
    uuidText[places[i] as number] = DIGITS[(word >>> (28 - 4 * i)) & 15] as number;
  }
}

/** Made of bytes: one flat string per id, where a concatenation would be a dozen. */
function formatUuid(a: number, b: number, c: number, d: number): string {
  putWord(a, PLACES[0]);
  putWord((b & 0xffff0fff) | 0x00004000, PLACES[1]);
  putWord((c & 0x3fffffff) | 0x80000000, PLACES[2]);
  putWord(d, PLACES[3]);
  return latin1Text(uuidText, 0, 36);
}

/** Math.random is xorshift128+: good enough for picking hosts, as Envoy's own generator is for ids. */
export class SystemRandom implements Random {
  next(): number {
    // One Math.random has 52 bits in some engines: a single draw over 2^53 would always be even.
    return Math.floor(Math.random() * 0x200000) * 0x100000000 + Math.floor(Math.random() * 0x100000000);
  }

  uuid(): string {
    const r = (): number => Math.floor(Math.random() * 0x100000000);
    return formatUuid(r(), r(), r(), r());
  }
}
