import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Candidate, Decision } from '../../../../../proxy-core/index.ts';
import {
  clusterBars,
  firstFields,
  hostBars,
  readFields,
  type TesterFields,
} from '../../../../../renderer/views/routes/tester-model.ts';
import { testerQuery } from '../../../../../renderer/views/traffic/tester-query.ts';
import { connection, detail, message, row } from '../traffic/records.ts';

function fields(changes: Partial<TesterFields> = {}): TesterFields {
  return { method: 'GET', url: 'http://shop.local/', headers: '', draws: '', ...changes };
}

describe('the fields of the tester', () => {
  test.each([
    ['plain', {}, { method: 'GET', url: 'http://shop.local/', headers: [] }],
    ['draws', { draws: '500' }, { method: 'GET', url: 'http://shop.local/', headers: [], draws: 500 }],
    [
      'headers, with colons in values and empty lines',
      { headers: 'x-a: 1\n\nx-b:a:b\n:scheme: https' },
      {
        method: 'GET',
        url: 'http://shop.local/',
        headers: [
          ['x-a', '1'],
          ['x-b', 'a:b'],
          [':scheme', 'https'],
        ],
      },
    ],
  ])('%s', (_name, changes, request) => {
    expect(readFields(fields(changes))).toEqual({ request });
  });

  test.each([
    ['no method', { method: ' ' }, /is not a method/],
    ['two words for a method', { method: 'GET x' }, /“GET x” is not a method/],
    ['a path for a URL', { url: '/users' }, /begins with http/],
    ['no host', { url: 'http:///users' }, /begins with http/],
    ['a port that is none', { url: 'http://shop.local:99999/' }, /begins with http/],
    ['a header without a colon', { headers: 'x-a: 1\nx-b' }, /^Line 2 of the headers/],
    ['a header without a name', { headers: ': 1' }, /^Line 1 of the headers/],
    ['half a draw', { draws: '1.5' }, /^Draws is a whole number/],
    ['too many draws', { draws: '100001' }, /to 100000/],
    ['fewer than none', { draws: '-1' }, /^Draws/],
  ])('%s is said, not asked', (_name, changes, problem) => {
    const read = readFields(fields(changes));
    expect('problem' in read ? read.problem : '').toMatch(problem);
  });

  test('whatever is typed, there is a request or a sentence', () => {
    const text = fc.string();
    fc.assert(
      fc.property(text, text, text, text, (method, url, headers, draws) => {
        const read = readFields({ method, url, headers, draws });
        if ('problem' in read) expect(read.problem).toMatch(/\.$/);
        else expect(URL.canParse(read.request.url)).toBe(true);
      }),
    );
  });

  test('come from the address, and are usual ones otherwise', () => {
    expect(firstFields({ url: 'http://a/', headers: 'x: 1' }, null)).toEqual({
      method: 'GET',
      url: 'http://a/',
      headers: 'x: 1',
      draws: '1000',
    });
    expect(firstFields({}, null).url).toBe('http://127.0.0.1/');
  });
});

describe('a recorded request in the tester', () => {
  test.each([
    ['to a named port', '127.0.0.1:80', '0.0.0.0:80', {}, { url: 'http://127.0.0.1:80/' }],
    [
      'to a name',
      'shop.local',
      '0.0.0.0:8080',
      {},
      { url: 'http://shop.local:8080/', headers: 'host: shop.local' },
    ],
    ['of a listener that is gone', 'shop.local', '', {}, { url: 'http://shop.local/' }],
    [
      'by TLS',
      'shop.local:443',
      '0.0.0.0:443',
      { connection: connection({ tls: { version: '', cipher: '', alpn: '', peer: null, local: null } }) },
      { url: 'https://shop.local:443/' },
    ],
    [
      'with headers',
      'shop.local:80',
      '0.0.0.0:80',
      {
        request: message({
          headers: [
            ['host', 'shop.local:80'],
            ['x-a', '1'],
            ['content-length', '3'],
          ],
        }),
      },
      { url: 'http://shop.local:80/', headers: 'x-a: 1' },
    ],
  ])('%s', (_name, authority, listener, changes, expected) => {
    const query = testerQuery(detail({ row: row(1, 0, { authority }), ...changes }), listener);
    expect(query).toEqual({ method: 'GET', ...expected });
    expect(readFields(firstFields(query, null))).toHaveProperty('request');
  });
});

function decision(changes: Partial<Decision>): Decision {
  return { headline: '', detail: '', outcome: NOWHERE, steps: [], snapshotVersion: 1, ...changes };
}
const NOWHERE: Decision['outcome'] = {
  listener: null,
  filterChain: null,
  virtualHost: null,
  route: null,
  routeIndex: -1,
  cluster: null,
  host: null,
  localReply: null,
};

describe('bars', () => {
  test('hosts have their share of all picks', () => {
    expect(
      hostBars(
        decision({
          distribution: [
            { host: 'a', picks: 750 },
            { host: null, picks: 250 },
          ],
        }),
      ),
    ).toEqual([
      { name: 'a', picks: 750, share: 0.75 },
      { name: null, picks: 250, share: 0.25 },
    ]);
    expect(hostBars(decision({}))).toEqual([]);
  });

  test('clusters have their weight', () => {
    const candidate = (name: string, condition: string): Candidate => ({
      result: 'won',
      index: 0,
      name,
      condition,
      reason: '',
      source: null,
    });
    const step = {
      kind: 'cluster',
      tone: 'neutral',
      subject: '',
      text: '',
      source: null,
      notes: [],
      at: null,
    } as const;
    const steps = [
      { ...step, candidates: [candidate('a', 'weight 90 of 100'), candidate('b', 'weight 10 of 100')] },
      { ...step, candidates: [candidate('c', 'prefix /weight 1 of 2/')] },
    ];
    expect(clusterBars(decision({ steps }))).toEqual([
      { name: 'a', picks: null, share: 0.9 },
      { name: 'b', picks: null, share: 0.1 },
    ]);
  });
});
