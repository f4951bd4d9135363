import { describe, expect, test } from 'vitest';
import { type Random, SeededRandom, SystemRandom } from '../../../../proxy-core/base/random.ts';

const sources: readonly [string, Random][] = [
  ['of the system', new SystemRandom()],
  ['seeded', new SeededRandom(7)],
];

describe.each(sources)('random numbers %s', (_name, random) => {
  test.each([2, 3, 4, 8, 100])('every remainder of %i comes up about equally often', (divisor) => {
    const draws = divisor * 400;
    const counts = new Array<number>(divisor).fill(0);
    for (let i = 0; i < draws; i++) {
      const remainder = random.next() % divisor;
      counts[remainder] = (counts[remainder] ?? 0) + 1;
    }
    // Ten standard deviations.
    for (const count of counts) expect(Math.abs(count - 400)).toBeLessThan(200);
  });

  test('are integers below 2^53', () => {
    for (let i = 0; i < 1000; i++) {
      const draw = random.next();
      expect(Number.isSafeInteger(draw) && draw >= 0).toBe(true);
    }
  });

  test('uuids are of version 4', () => {
    expect(random.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
