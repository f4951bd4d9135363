import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RecordRow } from '../../../../proxy-core/index.ts';
import { RowRing } from '../../../../renderer/state/row-ring.ts';

function row(seq: number, status = 200): RecordRow {
  return { seq, status } as RecordRow;
}

function filled(capacity: number, ...seqs: number[]): RowRing {
  const ring = new RowRing(capacity);
  for (const seq of seqs) ring.put(row(seq));
  return ring;
}

describe('RowRing', () => {
  test('keeps the newest and forgets what was overwritten', () => {
    const ring = filled(3, 1, 2, 3, 4, 5);
    expect([ring.firstSeq, ring.lastSeq]).toEqual([3, 5]);
    expect(ring.get(2)).toBeUndefined();
    expect(ring.get(3)?.seq).toBe(3);
    expect(ring.get(6)).toBeUndefined();
  });

  test('a row that comes again replaces the old one', () => {
    const ring = filled(4, 1, 2);
    ring.put(row(1, 503));
    expect(ring.get(1)?.status).toBe(503);
    expect(ring.lastSeq).toBe(2);
  });

  test('rows that were skipped are missing, not wrong', () => {
    const ring = filled(4, 1, 2, 7);
    expect([ring.firstSeq, ring.lastSeq]).toEqual([4, 7]);
    expect(ring.get(5)).toBeUndefined();
    expect(ring.get(7)?.seq).toBe(7);
  });

  test('rows older than the ring are not taken', () => {
    const ring = filled(3, 10, 11, 12);
    ring.put(row(9));
    expect(ring.firstSeq).toBe(10);
    expect(ring.get(9)).toBeUndefined();
  });

  test('rows from before the window was opened are taken when newer ones came first', () => {
    const ring = filled(8, 10, 11);
    ring.put(row(5));
    expect([ring.firstSeq, ring.lastSeq, ring.get(5)?.seq]).toEqual([5, 11, 5]);
    expect(ring.get(7)).toBeUndefined();
  });

  test('what the core dropped does not come back', () => {
    const ring = filled(8, 10, 11, 12);
    ring.dropBefore(11);
    ring.put(row(10));
    expect([ring.firstSeq, ring.get(10)]).toEqual([11, undefined]);
  });

  test.each([
    [4, 4, 6],
    [1, 3, 6],
    [7, 0, 0],
  ])('dropBefore(%i) leaves %i to %i', (seq, first, last) => {
    const ring = filled(8, 3, 4, 5, 6);
    ring.dropBefore(seq);
    expect([ring.firstSeq, ring.lastSeq]).toEqual([first, last]);
  });

  test('clear forgets everything and goes on with any seq', () => {
    const ring = filled(3, 1, 2, 3);
    ring.clear();
    expect([ring.firstSeq, ring.lastSeq, ring.get(2)]).toEqual([0, 0, undefined]);
    ring.put(row(9));
    expect([ring.firstSeq, ring.lastSeq]).toEqual([9, 9]);
  });

  test('newest looks from the end, as far as its reach', () => {
    const ring = filled(10, 1, 2, 3, 4, 5, 6);
    const odd = (r: RecordRow) => r.seq % 2 === 1;
    expect(ring.newest(2, 10, odd).map((r) => r.seq)).toEqual([5, 3]);
    expect(ring.newest(9, 3, odd).map((r) => r.seq)).toEqual([5]);
  });

  test('property: behaves as a map of the last `capacity` seqs', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 60 }),
        (capacity, steps) => {
          const ring = new RowRing(capacity);
          const model = new Map<number, number>();
          let seq = 0;
          for (const step of steps) {
            seq += step;
            ring.put(row(seq, 200 + step));
            model.set(seq, 200 + step);
          }
          for (let s = 1; s <= seq; s++) {
            const expected = s > seq - capacity ? model.get(s) : undefined;
            expect(ring.get(s)?.status).toBe(expected);
          }
        },
      ),
    );
  });
});
