import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BodyStatus, HeadStatus, TrailersStatus } from '../../../../proxy-core/http/filter.ts';
import { FilterPipe, type PipeCalls } from '../../../../proxy-core/http/filter-pipe.ts';

interface Stage {
  readonly head?: HeadStatus | (() => HeadStatus);
  readonly body?: (text: string, ends: boolean) => BodyStatus;
  readonly trailers?: () => TrailersStatus;
}

/** Stages that note what they see and answer as told; the end notes what arrives. */
function rig(stages: readonly Stage[], limit = 0) {
  const seen: string[] = [];
  const text = (bytes: Uint8Array, start: number, end: number): string =>
    Buffer.from(bytes.subarray(start, end)).toString();
  const calls: PipeCalls<Stage, string> = {
    head: (stage, head, ends) => {
      seen.push(`${stages.indexOf(stage)} head ${head}${ends ? ' end' : ''}`);
      const { head: answer = 'continue' } = stage;
      return typeof answer === 'string' ? answer : answer();
    },
    body: (stage, bytes, start, end, ends) => {
      seen.push(`${stages.indexOf(stage)} body ${text(bytes, start, end)}${ends ? ' end' : ''}`);
      return stage.body?.(text(bytes, start, end), ends) ?? 'continue';
    },
    trailers: (stage) => {
      seen.push(`${stages.indexOf(stage)} trailers`);
      return stage.trailers?.() ?? 'continue';
    },
  };
  const pipe = new FilterPipe<Stage, string>(
    stages,
    calls,
    {
      head: (head, ends) => seen.push(`out head ${head}${ends ? ' end' : ''}`),
      body: (bytes, start, end, ends) =>
        seen.push(`out body ${text(bytes, start, end)}${ends ? ' end' : ''}`),
      trailers: () => seen.push('out trailers'),
    },
    {
      limit,
      overflow: () => seen.push('overflow'),
      pause: () => seen.push('pause'),
      resume: () => seen.push('resume'),
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
    pipe.resume(1);
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
    pipe.resume(0);
    expect(seen).toEqual(['0 head h end', 'out head h end']);
  });

  test('a closed pipe lets nothing through', () => {
    const { pipe, seen, body } = rig([{ head: 'stop-all' }]);
    pipe.head('h', false);
    pipe.close();
    body('a', true);
    pipe.resume(0);
    expect(seen).toEqual(['0 head h']);
  });

  test('two stages hold at once, each its own part', () => {
    const { pipe, seen, body } = rig([{ head: 'stop', body: untilEnd }, { head: 'stop-all' }]);
    pipe.head('h', false);
    body('a', false);
    body('b', true);
    expect(seen.slice(-1)).toEqual(['1 head h']);
    pipe.resume(1);
    expect(seen.slice(4)).toEqual(['out head h', '1 body ab end', 'out body ab end']);
  });

  test('a stage before one that holds may start to buffer', () => {
    const { pipe, seen, body } = rig([{ body: (_text, ends) => untilEnd('', ends) }, { head: 'stop-all' }]);
    pipe.head('h', false);
    body('a', false);
    pipe.resume(1);
    expect(seen.slice(-1)).toEqual(['out head h']);
    body('b', true);
    expect(seen.slice(-2)).toEqual(['1 body ab end', 'out body ab end']);
  });

  test('a body that a stage adds to a message without one', () => {
    const addMade = (): HeadStatus => {
      pipe.add(1, Buffer.from('made'));
      return 'continue';
    };
    const stages: Stage[] = [{}, { head: addMade }, {}];
    const { pipe, seen } = rig(stages);
    pipe.head('h', true);
    expect(seen).toEqual([
      '0 head h end',
      '1 head h end',
      '2 head h',
      'out head h',
      '2 body made end',
      'out body made end',
    ]);
  });

  test('a body that a stage adds before the trailers', () => {
    const addZ = (): TrailersStatus => {
      pipe.add(0, Buffer.from('z'));
      return 'continue';
    };
    const stages: Stage[] = [{ trailers: addZ }, {}];
    const { pipe, seen } = rig(stages);
    pipe.head('h', false);
    pipe.trailers(['a', 'b']);
    expect(seen.slice(3)).toEqual(['0 trailers', '1 body z', 'out body z', '1 trailers', 'out trailers']);
  });

  test('trailers that a stage adds to a message without any', () => {
    const addTo = (): HeadStatus => {
      pipe.addTrailers(0, ['a', 'b']);
      return 'continue';
    };
    const { pipe, seen } = rig([{ head: addTo }, {}]);
    pipe.head('h', true);
    expect(seen).toEqual(['0 head h end', '1 head h', 'out head h', '1 trailers', 'out trailers']);

    const addLater = (): BodyStatus => {
      later.pipe.addTrailers(0, ['a', 'b']);
      return 'continue';
    };
    const later: ReturnType<typeof rig> = rig([{ body: addLater }]);
    later.pipe.head('h', false);
    later.body('z', true);
    expect(later.seen.slice(2)).toEqual(['0 body z end', 'out body z', 'out trailers']);
  });

  test('trailers wait until their stage lets go', () => {
    const { pipe, seen } = rig([{ trailers: () => 'stop' }, {}]);
    pipe.head('h', false);
    pipe.trailers(['a', 'b']);
    expect(seen.slice(-1)).toEqual(['0 trailers']);
    pipe.resume(0);
    expect(seen.slice(-2)).toEqual(['1 trailers', 'out trailers']);
  });

  test('what a stage injects comes after the head that it held', () => {
    const { pipe, seen, body } = rig([{ head: 'stop', body: () => 'drop' }, {}]);
    pipe.head('h', false);
    body('a', true);
    pipe.inject(0, Buffer.from('A'), true);
    expect(seen.slice(2)).toEqual(['1 head h', 'out head h', '1 body A end', 'out body A end']);
  });

  test('more than the limit: who buffers overflows, who waits stops the sender', () => {
    const buffering = rig([{ head: 'stop', body: untilEnd }], 3);
    buffering.pipe.head('h', false);
    buffering.body('abc', false);
    expect(buffering.seen).not.toContain('overflow');
    buffering.body('d', false);
    expect(buffering.seen.slice(-1)).toEqual(['overflow']);

    const waiting = rig([{ head: 'stop-all' }], 3);
    waiting.pipe.head('h', false);
    waiting.body('abcd', false);
    expect(waiting.seen.slice(-1)).toEqual(['pause']);
    expect(waiting.pipe.congested).toBe(true);
    waiting.pipe.resume(0);
    expect(waiting.seen.slice(-3)).toEqual(['0 body abcd', 'out body abcd', 'resume']);
  });

  test('whatever stages hold and let go, head, bytes and end come out once and in order', () => {
    const headStatus = fc.constantFrom<HeadStatus>('continue', 'stop', 'stop-all');
    const bodyStatus = fc.constantFrom<BodyStatus>('continue', 'buffer', 'watermark');
    const trailersStatus = fc.constantFrom<TrailersStatus>('continue', 'stop');
    const stage = fc.record({
      head: headStatus,
      bodies: fc.array(bodyStatus, { minLength: 1, maxLength: 5 }),
      trailers: trailersStatus,
    });
    fc.assert(
      fc.property(
        fc.array(stage, { maxLength: 4 }),
        fc.array(fc.string({ maxLength: 5, unit: fc.constantFrom('a', 'b', 'c') }), { maxLength: 6 }),
        fc.boolean(),
        fc.array(fc.nat(3), { maxLength: 12 }),
        (plans, chunks, withTrailers, letGo) => {
          const { pipe, seen, body } = rig(
            plans.map((plan) => {
              let calls = 0;
              return {
                head: plan.head,
                body: () => plan.bodies[calls++ % plan.bodies.length] ?? 'continue',
                trailers: () => plan.trailers,
              };
            }),
          );
          const turns = [...letGo];
          const resumeSome = (): void => pipe.resume(turns.shift() ?? 0);
          pipe.head('h', chunks.length === 0 && !withTrailers);
          chunks.forEach((chunk, i) => {
            resumeSome();
            body(chunk, !withTrailers && i === chunks.length - 1);
          });
          resumeSome();
          if (withTrailers) pipe.trailers(['x', 'y']);
          // From the front, each stage lets go of all that it has.
          for (let turn = 0; turn < 4; turn++) for (let i = 0; i < plans.length; i++) pipe.resume(i);
          const out = seen.filter((line) => line.startsWith('out '));
          expect(out[0]).toMatch(/^out head h/);
          expect(out.filter((line) => line.startsWith('out head'))).toHaveLength(1);
          const bytes = out
            .filter((line) => line.startsWith('out body'))
            .map((line) => line.slice('out body '.length).replace(/ ?end$/, ''));
          expect(bytes.join('')).toBe(chunks.join(''));
          expect(out.filter((line) => / end$|^out trailers$/.test(line))).toHaveLength(1);
          expect(out.at(-1)).toMatch(/ end$|^out trailers$/);
        },
      ),
    );
  });
});
