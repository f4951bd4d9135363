import { describe, expect, test } from 'vitest';
import type { AttemptTiming } from '../../../../../proxy-core/index.ts';
import { attemptReason, overlaps } from '../../../../../renderer/views/traffic/attempt-words.ts';
import { certificateState } from '../../../../../renderer/views/traffic/certificate-state.ts';
import { connectionEnd } from '../../../../../renderer/views/traffic/connection-end.ts';
import { nextTab, shownTab, tabsOf } from '../../../../../renderer/views/traffic/drawer-tabs.ts';
import { flagWords } from '../../../../../renderer/views/traffic/flag-words.ts';
import { connection, detail, row } from './records.ts';

const tcp = { protocol: 'TCP' };
const http = { protocol: 'HTTP/2' };

function attempt(changes: Partial<AttemptTiming> = {}): AttemptTiming {
  return {
    host: '127.0.0.1:1',
    reason: '',
    status: 0,
    connection: 0,
    failure: '',
    started: 0,
    connectStarted: 0,
    connected: 10,
    secured: null,
    poolReady: 10,
    sentFirst: null,
    sentLast: null,
    firstByte: null,
    lastByte: null,
    ...changes,
  };
}

describe('the tabs of a record', () => {
  test('a TCP connection has no headers, and no tab twice', () => {
    expect(tabsOf(tcp).map(({ value }) => value)).toEqual([
      'overview',
      'decision',
      'request',
      'response',
      'attempts',
      'log',
    ]);
    expect(tabsOf(http).map(({ value }) => value)).toContain('headers');
    expect(tabsOf(undefined)).toEqual(tabsOf(http));
  });

  test.each([
    ['headers', tcp, 'overview'],
    ['headers', http, 'headers'],
    ['nonsense', http, 'overview'],
    [undefined, tcp, 'overview'],
    ['log', tcp, 'log'],
  ])('%s wanted of %o shows %s', (wanted, record, shown) => {
    expect(shownTab(wanted, record)).toBe(shown);
  });

  test.each([
    ['response', 1, tcp, 'attempts'],
    ['response', 1, http, 'headers'],
    ['overview', -1, tcp, 'log'],
    ['log', 1, http, 'overview'],
  ] as const)('from %s by %d of %o to %s', (tab, by, record, next) => {
    expect(nextTab(tab, by, record)).toBe(next);
  });
});

describe('how a TCP connection went', () => {
  const proxied = row(1, 0, { protocol: 'TCP', cluster: 'db', host: '127.0.0.1:5', details: '' });
  const reached = { requestComplete: null, attempts: [attempt()], responseFirst: null, end: 1 };
  const refused = {
    ...reached,
    attempts: [attempt({ connected: null, poolReady: null, failure: 'connection refused' })],
  };

  test.each([
    ['open', { ...proxied, done: false }, reached, /^Open to 127\.0\.0\.1:5, cluster db\.$/, '-'],
    ['ended', proxied, reached, /^Went to 127\.0\.0\.1:5, cluster db\. Both sides/, '-'],
    [
      'refused',
      { ...proxied, flags: 'UF,URX' },
      refused,
      /^127\.0\.0\.1:5 could not be reached, cluster db\. Ended because upstream could not be connected to;/,
      'connection refused',
    ],
    [
      'without a chain',
      { ...proxied, cluster: '', host: '', flags: 'NR', details: 'filter_chain_not_found' },
      { ...reached, attempts: [] },
      /^Ended without a host\. Ended because no route or filter chain matched\.$/,
      'filter_chain_not_found',
    ],
  ])('%s', (_name, changed, timing, sentence, reason) => {
    const end = connectionEnd(detail({ row: changed, timing }));
    expect(`${end.headline} ${end.text}`.trim()).toMatch(sentence);
    expect(end.reason).toBe(reason);
  });

  test('what the proxy says of the end comes before everything else', () => {
    const terminationDetails = 'rbac_access_denied_matched_policy[none]';
    expect(
      connectionEnd(detail({ row: proxied, connection: connection({ terminationDetails }) })).reason,
    ).toBe(terminationDetails);
  });
});

test.each([
  ['', []],
  ['UF', ['upstream could not be connected to']],
  ['UF,URX', ['upstream could not be connected to', 'retries or connect attempts are used up']],
  ['??', []],
])('the flags %j mean %j', (flags, words) => {
  expect(flagWords(flags)).toEqual(words);
});

describe('attempts', () => {
  test.each([
    ['the first', attempt(), 0, /^$/],
    ['a retry', attempt({ reason: '5xx' }), 1, /met `5xx` of retry_on/],
    ['a hedge', attempt({ reason: 'hedge' }), 1, /^hedged/],
    ['one without a word', attempt(), 1, /gave no answer/],
  ])('%s says why', (_name, each, index, words) => {
    expect(attemptReason(each, index)).toMatch(words);
  });

  test.each([
    ['the first', attempt(), undefined, false],
    ['after the end of the one before', attempt({ started: 30 }), attempt({ lastByte: 20 }), false],
    ['before that end', attempt({ started: 10 }), attempt({ lastByte: 20 }), true],
    ['a hedge', attempt({ reason: 'hedge' }), attempt(), true],
  ])('%s', (_name, each, before, expected) => {
    expect(overlaps(each, before)).toBe(expected);
  });
});

const DAY = 86_400_000;
test.each([
  [-1, false, 'not valid yet'],
  [0, true, '3 days left'],
  [2.5 * DAY, true, 'the last day'],
  [3 * DAY + 1, false, 'expired'],
])('a certificate of three days at %d is valid: %s, %s', (at, valid, text) => {
  expect(certificateState({ validFrom: 0, validTo: 3 * DAY }, at)).toEqual({ valid, text });
});
