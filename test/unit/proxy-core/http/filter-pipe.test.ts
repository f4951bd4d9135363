import { describe, expect, test } from 'vitest';
import type { BodyStatus, HeadStatus } from '../../../../proxy-core/http/filter.ts';
import { FilterPipe, type PipeStage } from '../../../../proxy-core/http/filter-pipe.ts';

/** Stages that note what they see and answer as told; the end notes what arrives. */
function rig(stages: { head?: HeadStatus; body?: (text: string, ends: boolean) => BodyStatus }[]) {
  const seen: string[] = [];
  const text = (bytes: Uint8Array, start: number, end: number): string =>
    Buffer.from(bytes.subarray(start, end)).toString();
  const pipe = new FilterPipe<string>(
    stages.map(
      (stage, index): PipeStage<string> => ({
        head: (head, ends) => {
          seen.push(`${index} head ${head}${ends ? ' end' : ''}`);
          return stage.head ?? 'continue';
        },
        body: (bytes, start, end, ends) => {
          seen.push(`${index} body ${text(bytes, start, end)}${ends ? ' end' : ''}`);
          return stage.body?.(text(bytes, start, end), ends) ?? 'continue';
        },
        trailers: () => {
          seen.push(`${index} trailers`);
          return 'continue';
        },
      }),
    ),
    {
      head: (head, ends) => seen.push(`out head ${head}${ends ? ' end' : ''}`),
      body: (bytes, start, end, ends) =>
        seen.push(`out body ${text(bytes, start, end)}${ends ? ' end' : ''}`),
      trailers: () => seen.push('out trailers'),
    },
  );
  const body = (value: string, ends: boolean): void => {
    const bytes = Buffer.from(value);
    pipe.body(bytes, 0, bytes.length, ends);
  };
  return { pipe, seen, body };
}

const untilEnd = (_text: string, ends: boolean): BodyStatus => (ends ? 'continue' : 'buffer');

describe('a pipe of filters', () => {
  test('everything passes in order', () => {
    const { pipe, seen, body } = rig([{}, {}]);
    pipe.head('h', false);
    body('a', false);
    body('b', true);
    expect(seen).toEqual([
      '0 head h',
      '1 head h',
      'out head h',
      '0 body a',
      '1 body a',
      'out body a',
      '0 body b end',
      '1 body b end',
      'out body b end',
    ]);
  });

  test('a stage that stops everything sees the body when it lets go', () => {
    const { pipe, seen, body } = rig([{}, { head: 'stop-all' }]);
    pipe.head('h', false);
    body('a', false);
    body('b', true);
    expect(seen).toEqual(['0 head h', '1 head h', '0 body a', '0 body b end']);
    pipe.resume();
    expect(seen.slice(4)).toEqual(['out head h', '1 body ab end', 'out body ab end']);
  });

  test('a stage that buffers holds the head until the body is whole', () => {
    const { pipe, seen, body } = rig([{ head: 'stop', body: untilEnd }, {}]);
    pipe.head('h', false);
    body('a', false);
    body('b', false);
    body('c', true);
    expect(seen).toEqual([
      '0 head h',
      '0 body a',
      '0 body b',
      '0 body c end',
      '1 head h',
      'out head h',
      '1 body abc end',
      'out body abc end',
    ]);
  });

  test('trailers end a buffered body', () => {
    const { pipe, seen, body } = rig([{ head: 'stop', body: untilEnd }]);
    pipe.head('h', false);
    body('a', false);
    pipe.trailers(['x', 'y']);
    expect(seen.slice(2)).toEqual(['0 trailers', 'out head h', 'out body a', 'out trailers']);
  });

  test('a head without a body that was held goes on alone', () => {
    const { pipe, seen } = rig([{ head: 'stop-all' }]);
    pipe.head('h', true);
    pipe.resume();
    expect(seen).toEqual(['0 head h end', 'out head h end']);
  });

  test('a closed pipe lets nothing through', () => {
    const { pipe, seen, body } = rig([{ head: 'stop-all' }]);
    pipe.head('h', false);
    pipe.close();
    body('a', true);
    pipe.resume();
    expect(seen).toEqual(['0 head h']);
  });
});
