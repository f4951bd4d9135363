import { describe, expect, test } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatCountdown,
  formatCountShort,
  formatDuration,
  formatRate,
  formatSetting,
  formatShare,
  formatTime,
  plural,
} from '../../../../renderer/state/format.ts';

/** The tables are written with ordinary spaces; the narrow no-break space is checked once below. */
function plain(text: string): string {
  return text.replaceAll('\u202f', ' ');
}

describe('formatDuration', () => {
  test.each([
    [0, '0 µs'],
    [0.226, '226 µs'],
    [0.9996, '1.0 ms'],
    [4.1, '4.1 ms'],
    [9.94, '9.9 ms'],
    [9.96, '10 ms'],
    [27, '27 ms'],
    [999.4, '999 ms'],
    [999.6, '1.00 s'],
    [1240, '1.24 s'],
    [9996, '10.0 s'],
    [12_340, '12.3 s'],
    [59_960, '1 min 00 s'],
    [372_000, '6 min 12 s'],
    [3_599_000, '59 min 59 s'],
    [3_600_000, '1 h 00 min'],
    [7_500_000, '2 h 05 min'],
    [null, '–'],
    [undefined, '–'],
    [-1, '–'],
    [Number.NaN, '–'],
  ])('%s ms is %s', (value, text) => expect(plain(formatDuration(value))).toBe(text));
});

describe('formatSetting', () => {
  test.each([
    [0, '0 ms'],
    [500, '500 ms'],
    [1000, '1 s'],
    [1500, '1.5 s'],
    [30_000, '30 s'],
    [60_000, '60 s'],
    [90_000, '90 s'],
    [180_000, '3 min'],
    [150_000, '2 min 30 s'],
    [300_000, '5 min'],
  ])('%s ms is %s', (value, text) => expect(plain(formatSetting(value))).toBe(text));
});

describe('formatBytes', () => {
  test.each([
    [0, '0 B'],
    [51, '51 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [1234, '1.2 kB'],
    [24_000, '24 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [1_900_000, '1.9 MB'],
    [512_000_000, '512 MB'],
    [3_000_000_000, '3.0 GB'],
    [null, '–'],
  ])('%s is %s', (value, text) => expect(plain(formatBytes(value))).toBe(text));
});

describe('formatRate', () => {
  test.each([
    [0, '0/s'],
    [0.01, '<0.1/s'],
    [0.05, '0.1/s'],
    [0.94, '0.9/s'],
    [9.96, '10/s'],
    [22.4, '22/s'],
    [1204, '1,204/s'],
  ])('%s is %s', (value, text) => expect(formatRate(value)).toBe(text));
});

describe('formatShare', () => {
  test.each([
    [0, '0 %'],
    [0.0001, '<0.1 %'],
    [0.004, '0.4 %'],
    [0.0996, '10 %'],
    [0.33, '33 %'],
    [0.99, '99 %'],
    [0.996, '99.6 %'],
    [0.9999, '>99.9 %'],
    [1, '100 %'],
    [null, '–'],
  ])('%s is %s', (value, text) => expect(plain(formatShare(value))).toBe(text));
});

describe('counts', () => {
  test.each([
    [0, '0', '0'],
    [999, '999', '999'],
    [7005, '7,005', '7.0k'],
    [13_598, '13,598', '14k'],
    [1_234_567, '1,234,567', '1.2M'],
  ])('%s is %s and %s', (value, full, short) => {
    expect(formatCount(value)).toBe(full);
    expect(formatCountShort(value)).toBe(short);
  });

  test.each([
    [1, '1 host'],
    [0, '0 hosts'],
    [1200, '1,200 hosts'],
  ])('%s', (count, text) => expect(plural(count, 'host')).toBe(text));
});

describe('formatCountdown', () => {
  test.each([
    [40_100, '41 s left'],
    [41_000, '41 s left'],
    [-5, '0 s left'],
    [75_000, '1 min 15 s left'],
  ])('%s ms before the end', (left, text) =>
    expect(plain(formatCountdown(100_000 + left, 100_000))).toBe(text),
  );
});

test('value and unit are joined by a narrow no-break space', () => {
  expect(formatDuration(27)).toBe('27\u202fms');
  expect(formatShare(0.33)).toBe('33\u202f%');
});

test('times are local and 24 h', () => {
  const at = new Date(2024, 0, 2, 14, 3, 8, 63).getTime();
  expect(formatTime(at)).toBe('14:03:08');
  expect(formatTime(at, 'milliseconds')).toBe('14:03:08.063');
  expect(formatTime(at, 'minutes')).toBe('14:03');
});
