import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RecordRow } from '../../../../../proxy-core/facade/records.ts';
import { compileFilter, type FilterSubject } from '../../../../../proxy-core/observe/filter/filter.ts';
import {
  filterRecords,
  filterRecordsInSlices,
} from '../../../../../proxy-core/observe/filter/filter-records.ts';
import { Recorder } from '../../../../../proxy-core/observe/recorder/recorder.ts';
import { stream } from '../stream.ts';

const NOON = new Date().setHours(12, 30, 15, 500);

const ROW: RecordRow = {
  seq: 1,
  at: NOON,
  method: 'GET',
  authority: 'shop.local:8080',
  path: '/inventory/items?sku=1',
  status: 503,
  flags: 'URX,UF',
  details: 'upstream_reset',
  local: true,
  done: true,
  protocol: 'HTTP/1.1',
  listener: 'main',
  route: 'inventory',
  cluster: 'inventory_service',
  host: '127.0.0.1:9002',
  attempts: 2,
  requestBytes: 10,
  responseBytes: 1500,
  duration: 250.5,
};

function subject(over: Partial<RecordRow> = {}): FilterSubject {
  return {
    row: { ...ROW, ...over },
    headerLines: () => ['x-canary: 1', 'grpc-status: 14', 'content-type: application/json'],
    bodies: () => ['', '{"sku":"A-1"}'],
  };
}

function matches(filter: string, over: Partial<RecordRow> = {}): boolean {
  const compiled = compileFilter(filter);
  if (!compiled.ok) throw new Error(compiled.message);
  return compiled.matches(subject(over));
}

describe('terms', () => {
  test.each([
    ['', true],
    ['status:503', true],
    ['status:5xx', true],
    ['status:4xx', false],
    ['status:200,503', true],
    ['status:none', false],
    ['status>=500', true],
    ['status<500', false],
    ['method:get', true],
    ['method:POST,GET', true],
    ['host:shop.local:8080', true],
    ['host:shop.*', true],
    ['host:shop', false],
    ['path:/inventory/items', true],
    ['path:/inventory/items?sku=1', true],
    ['path:/inventory/*', true],
    ['path:*items*', true],
    ['path:/INVENTORY/*', false],
    ['path~"/inventory/.*"', true],
    ['path~^/inv', true],
    ['path~"^/x"', false],
    ['route:inventory', true],
    ['cluster:inventory_service', true],
    ['upstream:127.0.0.1:9002', true],
    ['upstream:*:9001', false],
    ['flag:UF', true],
    ['flag:uf', true],
    ['flag:UC,URX', true],
    ['flag:-', false],
    ['flag:*', true],
    ['by:proxy', true],
    ['by:upstream', false],
    ['attempts>1', true],
    ['attempts:2', true],
    ['dur>200ms', true],
    ['dur>200', true],
    ['dur>0.2s', true],
    ['dur<250000us', false],
    ['dur<=1min', true],
    ['size>1kB', true],
    ['size>=1.5k', true],
    ['size<1kib', false],
    ['proto:h1', true],
    ['proto:http/1.1', true],
    ['proto:h2', false],
    ['listener:main', true],
    ['time:12:30', true],
    ['time:12:31', false],
    ['time:12:30:15', true],
    ['time>12:30', true],
    ['time<12:30:15.400', false],
    ['header:x-canary', true],
    ['header:x-canary=1', true],
    ['header:x-canary=0', false],
    ['header~"content-type: .*json"', true],
    ['grpc:14', true],
    ['grpc:unavailable', true],
    ['grpc:ok', false],
    ['body:sku', true],
    ['body~"\\"sku\\":\\"A-[0-9]\\""', true],
    ['body:nothing', false],
    ['fault:*', false],
    ['inventory', true],
    ['INVENTORY', true],
    ['shop.local', true],
    ['nothing-like-it', false],
    ['"items?sku"', true],
    ['http://shop', false],
    ['127.0.0.1:9002', false],
  ])('%s is %s', (filter, expected) => {
    expect(matches(filter)).toBe(expected);
  });

  test('a request that runs has no duration', () => {
    expect(matches('dur>0', { done: false, duration: -1 })).toBe(false);
    expect(matches('dur<5', { done: false, duration: -1 })).toBe(false);
  });

  test('a star asks for anything, a dash for nothing', () => {
    expect([matches('flag:*'), matches('flag:-')]).toEqual([true, false]);
    expect([matches('flag:*', { flags: '' }), matches('flag:-', { flags: '' })]).toEqual([false, true]);
    expect(matches('cluster:-', { cluster: '' })).toBe(true);
  });

  test('faults are told by their flags', () => {
    expect(matches('fault:delay', { flags: 'DI' })).toBe(true);
    expect(matches('fault:abort', { flags: 'DI' })).toBe(false);
  });
});

describe('joining', () => {
  test.each([
    ['status:503 method:GET', true],
    ['status:503 method:POST', false],
    ['status:200 or method:GET', true],
    ['status:200 method:GET or cluster:inventory_service', true],
    ['status:200 (method:GET or cluster:inventory_service)', false],
    ['-status:503', false],
    ['not status:200', true],
    ['not (status:200 or method:POST)', true],
    ['-(status:503)', false],
    ['not not status:503', true],
    ['status:503 and method:GET', true],
    ['status:5xx cluster:inventory_service path~"/inventory/.*" dur>200ms body~"sku"', true],
  ])('%s is %s', (filter, expected) => {
    expect(matches(filter)).toBe(expected);
  });
});

describe('what is not finished is ignored', () => {
  test.each([
    'status:',
    'method:GET status>',
    'method:GET path~',
    'method:GET path~"abc',
    'method:GET or',
    'method:GET not',
    'method:GET (status:503',
    '(',
    '()',
    'path:,',
  ])('%s', (filter) => {
    expect(matches(filter)).toBe(true);
  });
});

describe('errors tell what and where', () => {
  test.each([
    ['stauts:5xx', 0, 6, 'There is no key “stauts”. Did you mean status?'],
    ['method:GET xyzzy:1', 11, 16, 'There is no key “xyzzy”.'],
    [
      'status:abc',
      0,
      10,
      '“abc” does not fit status: it takes a status such as 503, a class such as 5xx, or none.',
    ],
    ['dur>5parsecs', 0, 12, '“5parsecs” does not fit dur: it takes a duration such as 200ms or 1.5s.'],
    ['method>3', 0, 8, 'method is text: use method:value or method~"regex", not >.'],
    ['status:503)', 10, 11, 'This closes a parenthesis that was not opened.'],
  ])('%s', (filter, start, end, message) => {
    expect(compileFilter(filter)).toEqual({ ok: false, start, end, message });
  });

  test('a regular expression that does not compile', () => {
    const compiled = compileFilter('path~"["');
    expect(compiled.ok ? '' : compiled.message).toMatch(/^The regular expression of path does not compile: /);
  });
});

describe('properties', () => {
  const term = fc.constantFrom(
    'status:503',
    'status:200',
    'method:GET',
    'by:upstream',
    'inventory',
    'dur>1s',
  );

  test('any text compiles or tells an error inside it; it never throws', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom('(', ')', ' or ', ' not ', '-', '"', ':', '~', 'status', 'path', '*', ','),
    );
    fc.assert(
      fc.property(
        fc.array(piece).map((pieces) => pieces.join('')),
        (text) => {
          const compiled = compileFilter(text);
          if (compiled.ok) compiled.matches(subject());
          else
            expect(
              compiled.end <= text.length && compiled.start <= compiled.end && compiled.message !== '',
            ).toBe(true);
        },
      ),
    );
  });

  test('not, and, or are the logic of their parts', () => {
    fc.assert(
      fc.property(term, term, (a, b) => {
        expect(matches(`not ${a}`)).toBe(!matches(a));
        expect(matches(`-${a}`)).toBe(!matches(a));
        expect(matches(`${a} ${b}`)).toBe(matches(a) && matches(b));
        expect(matches(`${a} or ${b}`)).toBe(matches(a) || matches(b));
        expect(matches(`(${a} or ${b}) not (${a} ${b})`)).toBe(matches(a) !== matches(b));
      }),
    );
  });

  test('comparisons of a duration agree with the number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 5000 }), (limit, duration) => {
        expect(matches(`dur>${limit}ms`, { duration })).toBe(duration > limit);
        expect(matches(`dur<=${limit}ms`, { duration })).toBe(duration <= limit);
      }),
    );
  });
});

describe('over the recorder', () => {
  test('the newest seqs that match, ascending, and how many there are', () => {
    const recorder = new Recorder();
    for (let i = 0; i < 10; i++) {
      const info = stream({ responseCode: i % 2 === 0 ? 200 : 503 });
      recorder.begin(info);
      recorder.responseBody(info, new TextEncoder().encode(`item ${i}`), 0, 6);
      recorder.end(info);
    }
    expect(filterRecords(recorder, 'status:5xx', 2)).toEqual({ seqs: [8, 10], total: 5, error: '' });
    expect(filterRecords(recorder, 'body:"item 3"', 5)).toEqual({ seqs: [4], total: 1, error: '' });
    expect(filterRecords(recorder, 'header:user-agent=curl*', 1).total).toBe(10);
    expect(filterRecords(recorder, 'a nope:1', 5)).toEqual({
      seqs: [],
      total: 0,
      error: 'Column 3: There is no key “nope”.',
    });
  });

  test('in slices it finds the same, and lets others run in between', async () => {
    const recorder = new Recorder();
    for (let i = 0; i < 5_000; i++) {
      const info = stream({ responseCode: i % 3 === 0 ? 503 : 200 });
      recorder.begin(info);
      recorder.end(info);
    }
    const filter = 'header~"user-agent: .*8" status:503';
    let turns = 0;
    let running = true;
    const count = (): void => {
      turns++;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    const found = await filterRecordsInSlices(recorder, filter, 20);
    running = false;
    expect(found).toEqual(filterRecords(recorder, filter, 20));
    expect(turns).toBeGreaterThan(2);
    expect(await filterRecordsInSlices(recorder, 'nope:1', 20)).toEqual(
      filterRecords(recorder, 'nope:1', 20),
    );
  });
});
