import { SeededRandom } from '../../proxy-core/base/random.ts';
import type { FuzzTarget } from './targets.ts';

/** Longest input, bytes. */
const LONGEST = 4096;

/**
 * The input of one step: it depends on the seed, the step and the corpus only, so that it can be made again.
 * Mostly a known input with a few changes, sometimes bytes or words at random.
 */
export function inputOf(
  target: FuzzTarget,
  corpus: readonly Uint8Array[],
  seed: number,
  step: number,
): Uint8Array {
  const random = new SeededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(step, 0x85ebca6b));
  const below = (n: number): number => random.next() % n;
  const known = (): Uint8Array => corpus[below(corpus.length)] ?? new Uint8Array(0);
  const kind = below(20);
  if (kind === 0) return Uint8Array.from({ length: below(200) }, () => below(256));
  if (kind === 1) {
    const words = Array.from({ length: below(40) }, () => target.words[below(target.words.length)] ?? '');
    return Buffer.from(words.join(''), 'latin1').subarray(0, LONGEST);
  }
  let bytes = known();
  for (let changes = 1 + below(6); changes > 0; changes--) {
    bytes = change(bytes, below, known, target.words);
  }
  return bytes.subarray(0, LONGEST);
}

function change(
  bytes: Uint8Array,
  below: (n: number) => number,
  known: () => Uint8Array,
  words: readonly string[],
): Uint8Array {
  const at = below(bytes.length + 1);
  const to = Math.min(bytes.length, at + below(32));
  const before = bytes.subarray(0, at);
  switch (below(6)) {
    case 0: {
      const copy = Uint8Array.from(bytes);
      if (at < copy.length) copy[at] = (copy[at] as number) ^ (1 << below(8));
      return copy;
    }
    case 1:
      return Buffer.concat([before, bytes.subarray(to)]);
    case 2:
      return Buffer.concat([before, bytes.subarray(at, to), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([
        before,
        Buffer.from(words[below(words.length)] ?? '', 'latin1'),
        bytes.subarray(at),
      ]);
    case 4:
      return Buffer.concat([before, Uint8Array.of(below(256)), bytes.subarray(at)]);
    default: {
      const other = known();
      return Buffer.concat([before, other.subarray(below(other.length + 1))]);
    }
  }
}

/** Leaves out what the failure does not need, as far as `tries` go. */
export function shrink(bytes: Uint8Array, fails: (bytes: Uint8Array) => boolean, tries = 2000): Uint8Array {
  let best = bytes;
  for (let size = best.length >> 1; size > 0; ) {
    let shorter = false;
    for (let at = 0; at < best.length && tries > 0; tries--) {
      const candidate = Buffer.concat([best.subarray(0, at), best.subarray(at + size)]);
      if (fails(candidate)) {
        best = candidate;
        shorter = true;
      } else at += size;
    }
    if (tries <= 0) break;
    if (!shorter) size >>= 1;
  }
  return best;
}
