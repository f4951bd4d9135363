import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RecordRow } from '../../../../../proxy-core/index.ts';
import {
  allSeqs,
  type ListModel,
  listedSeqs,
  listModel,
  type RowLookup,
  seqBefore,
} from '../../../../../renderer/views/traffic/list-model.ts';
import { event, row } from './records.ts';

/** Rows by seq; a null is a hole: a row that was never sent. */
function ring(firstSeq: number, times: readonly (number | null)[]): RowLookup {
  const rows = new Map<number, RecordRow>();
  times.forEach((at, index) => {
    if (at !== null) rows.set(firstSeq + index, row(firstSeq + index, at));
  });
  return {
    firstSeq: times.length === 0 ? 0 : firstSeq,
    lastSeq: times.length === 0 ? 0 : firstSeq + times.length - 1,
    get: (seq) => rows.get(seq),
  };
}

/** Each line as a word: `7` is request 7, `e1` is event 1. */
function lines(model: ListModel): string {
  return Array.from({ length: model.length }, (_, index) => {
    const item = model.item(index);
    return item.kind === 'request' ? String(item.seq) : `e${item.event.seq}`;
  }).join(' ');
}

const four = ring(5, [10, 20, 30, 40]);

describe('listModel', () => {
  it.each([
    ['nothing', ring(0, []), [], [event(1, 5)], ''],
    ['no events', four, null, [], '5 6 7 8'],
    ['an event between', four, null, [event(1, 25)], '5 6 e1 7 8'],
    ['an event at the time of a request comes after it', four, null, [event(1, 20)], '5 6 e1 7 8'],
    ['two events in a row', four, null, [event(1, 25), event(2, 26)], '5 6 e1 e2 7 8'],
    ['an event at the end', four, null, [event(1, 99)], '5 6 7 8 e1'],
    [
      'events from before the oldest request are left out',
      four,
      null,
      [event(1, 9), event(2, 10)],
      '5 e2 6 7 8',
    ],
    ['a filter', four, [6, 8], [event(1, 25)], '6 e1 8'],
    ['a filter without a match', four, [], [event(1, 25)], 'e1'],
    ['holes', ring(1, [10, null, null, 40]), null, [event(1, 25)], '1 e1 2 3 4'],
    [
      'holes before the oldest row that is here',
      ring(1, [null, null, 30, 40]),
      null,
      [event(1, 5), event(2, 35)],
      '1 2 3 e2 4',
    ],
  ])('%s', (_what, rows, seqs, events, expected) => {
    expect(lines(listModel(seqs === null ? allSeqs(rows) : listedSeqs(seqs), events, rows))).toBe(expected);
  });

  it.each([
    [0, 1, 5],
    [2, 1, 7],
    [2, -1, 6],
    [4, 1, 8],
    [5, 1, null],
    [-1, -1, null],
  ] as const)('the request on line %i or next to it in direction %i is %s', (line, direction, expected) => {
    const model = listModel(allSeqs(four), [event(1, 25)], four);
    expect(model.request(line, direction)).toBe(expected);
  });

  it('knows which requests are not in it', () => {
    const model = listModel(listedSeqs([6, 8]), [], four);
    expect([5, 6, 7, 8, 9].map((seq) => model.indexOf(seq))).toEqual([-1, 0, -1, 1, -1]);
  });

  it.each([
    ['all', null, 7, 1],
    ['a filter', [6, 8], 6, 1],
    ['one that the filter leaves out', [6, 8], 5, 2],
    ['one that is gone', null, 1, 4],
    ['the newest', null, 8, 0],
  ] as const)('counts the younger ones: %s', (_what, seqs, seq, expected) => {
    const model = listModel(
      seqs === null ? allSeqs(four) : listedSeqs(seqs),
      [event(1, 25), event(2, 99)],
      four,
    );
    expect(model.newerThan(seq)).toBe(expected);
  });

  it('gives each request one line, and says which: item and indexOf agree', () => {
    const gaps = fc.array(fc.option(fc.nat({ max: 5 }), { nil: null, freq: 8 }), { maxLength: 60 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        gaps,
        fc.array(fc.nat({ max: 200 }), { maxLength: 12 }),
        fc.option(fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }), { nil: null }),
        (firstSeq, steps, eventTimes, filter) => {
          let at = 0;
          const rows = ring(
            firstSeq,
            steps.map((step) => {
              at += step ?? 1;
              return step === null ? null : at;
            }),
          );
          const every = Array.from({ length: steps.length }, (_, index) => firstSeq + index);
          const wanted = filter === null ? every : every.filter((_, index) => filter[index]);
          const events = eventTimes.sort((a, b) => a - b).map((time, index) => event(index + 1, time));
          const model = listModel(filter === null ? allSeqs(rows) : listedSeqs(wanted), events, rows);
          const seqs: number[] = [];
          const shown: number[] = [];
          for (let index = 0; index < model.length; index++) {
            const item = model.item(index);
            if (item.kind === 'event') shown.push(item.event.seq);
            else {
              seqs.push(item.seq);
              expect(model.indexOf(item.seq)).toBe(index);
            }
          }
          expect(seqs).toEqual(wanted);
          expect(shown).toEqual(shown.toSorted((a, b) => a - b));
          expect(model.length).toBe(seqs.length + shown.length);
          for (const seq of every) {
            if (!wanted.includes(seq)) expect(model.indexOf(seq)).toBe(-1);
          }
        },
      ),
    );
  });
});

describe('seqBefore', () => {
  it.each([
    [9, 4],
    [10, 5],
    [39, 7],
    [40, 8],
    [1000, 8],
  ])('at %i it is request %i', (at, expected) => {
    expect(seqBefore(four, at)).toBe(expected);
  });
});
