import { expect, test } from 'vitest';
import { MersenneTwister } from '../../../../../proxy-core/upstream/load-balancer/mersenne-twister.ts';

// [rand.predef]: the 10,000th number of a default-seeded std::mt19937 is 4123659995.
test('the sequence that the C++ standard states', () => {
  const random = new MersenneTwister(5489);
  const first = [random.next(), random.next(), random.next()];
  expect(first).toEqual([3499211612, 581869302, 3890346734]);
  for (let i = 3; i < 9999; i++) random.next();
  expect(random.next()).toBe(4123659995);
});

test.each([1, 2, 3, 7, 1000])('numbers below %d', (limit) => {
  const random = new MersenneTwister(1);
  for (let i = 0; i < 200; i++) {
    const value = random.below(limit);
    expect(value >= 0 && value < limit && Number.isInteger(value)).toBe(true);
  }
});
