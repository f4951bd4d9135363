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

const HEX: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

function hex8(word: number): string {
  return (
    (HEX[word >>> 24] as string) +
    (HEX[(word >>> 16) & 255] as string) +
    (HEX[(word >>> 8) & 255] as string) +
    (HEX[word & 255] as string)
  );
}

function formatUuid(a: number, b: number, c: number, d: number): string {
  const x = hex8(a);
  const y = hex8((b & 0xffff0fff) | 0x00004000);
  const z = hex8((c & 0x3fffffff) | 0x80000000);
  const w = hex8(d);
  return `${x}-${y.slice(0, 4)}-${y.slice(4)}-${z.slice(0, 4)}-${z.slice(4)}${w}`;
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
