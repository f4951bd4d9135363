import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatGeneral } from '../../../../../proxy-core/observe/stats/decimal.ts';

test.each([
  [1.05, 32, '1.0500000000000000444089209850063'],
  [3.1500000000000004, 32, '3.1500000000000003552713678800501'],
  [5.05, 32, '5.049999999999999822364316059975'],
  [32.550000000000004, 32, '32.550000000000004263256414560601'],
  [0, 32, '0'],
  [12.5, 32, '12.5'],
  [0.001, 6, '0.001'],
  [600_000, 6, '600000'],
  [1_800_000, 6, '1.8e+06'],
  [3_600_000, 6, '3.6e+06'],
  [0.5, 6, '0.5'],
  [999_999.9, 6, '1e+06'],
  [0.00001, 6, '1e-05'],
  [-2.5, 6, '-2.5'],
  [Number.NaN, 6, 'nan'],
])('%d with %i digits is %s', (value, digits, expected) => {
  expect(formatGeneral(value, digits)).toBe(expected);
});

test('17 digits read back as the same number', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(Number(formatGeneral(value, 17))).toBe(value);
    }),
  );
});
