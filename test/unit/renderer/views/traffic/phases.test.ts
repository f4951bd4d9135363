import { describe, expect, it } from 'vitest';
import type { AttemptTiming, RecordRow, RecordTiming } from '../../../../../proxy-core/index.ts';
import { phases } from '../../../../../renderer/views/traffic/phases.ts';
import { detail, row } from './records.ts';

const NONE: AttemptTiming = {
  host: '127.0.0.1:1',
  reason: '',
  status: 0,
  connection: 0,
  failure: '',
  started: 0,
  connectStarted: null,
  connected: null,
  secured: null,
  poolReady: null,
  sentFirst: null,
  sentLast: null,
  firstByte: null,
  lastByte: null,
};

const ANSWERED: AttemptTiming = {
  ...NONE,
  status: 200,
  started: 100,
  poolReady: 110,
  sentFirst: 110,
  sentLast: 120,
  firstByte: 900,
  lastByte: 950,
};

/** Each bar as `group: label from-to tone`. */
function bars(timing: Partial<RecordTiming>, changes: Partial<RecordRow> = {}): string[] {
  const full = { requestComplete: null, attempts: [], responseFirst: null, end: null, ...timing };
  return phases(detail({ row: row(1, 0, changes), timing: full })).map(
    (phase) => `${phase.group}: ${phase.label} ${phase.from}-${phase.to} ${phase.tone}`,
  );
}

describe('phases', () => {
  it.each<[string, Partial<RecordTiming>, string[]]>([
    ['a request that has only begun', {}, ['Downstream: request read 0-0 note']],
    [
      'an answer of the proxy',
      { requestComplete: 50, responseFirst: 60, end: 80 },
      ['Downstream: request read 0-50 note', 'Downstream: response written 60-80 note'],
    ],
    [
      'one attempt on an open connection',
      { requestComplete: 90, attempts: [ANSWERED], responseFirst: 910, end: 1000 },
      [
        'Downstream: request read 0-90 note',
        'Attempt 1: pooled connection 100-110 pool',
        'Attempt 1: request sent 110-120 pool',
        'Attempt 1: first byte: 200 120-900 wait',
        'Attempt 1: response body 900-950 receive',
        'Downstream: response written 910-1000 note',
      ],
    ],
    [
      'a new connection',
      { requestComplete: 90, attempts: [{ ...ANSWERED, connectStarted: 100, connected: 105 }] },
      [
        'Downstream: request read 0-90 note',
        'Attempt 1: connect 100-105 connect',
        'Attempt 1: connection ready 105-110 pool',
        'Attempt 1: request sent 110-120 pool',
        'Attempt 1: first byte: 200 120-900 wait',
        'Attempt 1: response body 900-950 receive',
      ],
    ],
  ])('%s', (_what, timing, expected) => {
    expect(bars(timing)).toEqual(expected);
  });

  it('shows a failed try, the wait and the next try', () => {
    const failed = { ...ANSWERED, status: 503 };
    const again = {
      ...ANSWERED,
      started: 2000,
      poolReady: 2000,
      sentFirst: 2000,
      sentLast: 2000,
      firstByte: 2500,
      lastByte: 2500,
    };
    const all = bars({ requestComplete: 90, attempts: [failed, again], end: 3000 });
    expect(all).toContain('Attempt 1: first byte: 503 120-900 failed');
    expect(all).toContain('Backoff: before the next try 950-2000 idle');
    expect(all).toContain('Attempt 2: first byte: 200 2000-2500 wait');
  });

  it('shows a connection that was refused', () => {
    const refused = {
      ...NONE,
      started: 100,
      connectStarted: 100,
      failure: 'connection refused',
      lastByte: 150,
    };
    expect(bars({ requestComplete: 90, attempts: [refused], end: 200 })).toContain(
      'Attempt 1: connection refused 100-150 failed',
    );
  });

  it('shows the TLS handshake between the connection and its readiness', () => {
    const secured = { ...ANSWERED, connectStarted: 100, connected: 120, secured: 180, poolReady: 190 };
    const all = bars({ requestComplete: 90, attempts: [secured], end: 3000 });
    expect(all).toContain('Attempt 1: connect 100-120 connect');
    expect(all).toContain('Attempt 1: TLS handshake 120-180 connect');
    expect(all).toContain('Attempt 1: connection ready 180-190 pool');
  });

  it('never draws a bar backwards', () => {
    const odd = { ...ANSWERED, sentLast: 950, firstByte: 900 };
    for (const phase of phases(
      detail({ timing: { requestComplete: 5000, attempts: [odd], responseFirst: 910, end: 1000 } }),
    )) {
      expect(phase.to).toBeGreaterThanOrEqual(phase.from);
    }
  });
});

describe('phases of a TCP connection', () => {
  it.each<[string, Partial<RecordTiming>, string[]]>([
    [
      'one that reached its host',
      { attempts: [{ ...NONE, connectStarted: 10, connected: 60, poolReady: 60 }], end: 900 },
      ['Attempt 1: connect 10-60 connect', 'Attempt 1: bytes both ways 60-900 receive'],
    ],
    [
      'one that is open',
      { attempts: [{ ...NONE, connectStarted: 10, connected: 60, poolReady: 60 }] },
      ['Attempt 1: connect 10-60 connect'],
    ],
    [
      'a host that refused, then another',
      {
        attempts: [
          { ...NONE, connectStarted: 10, failure: 'refused' },
          { ...NONE, started: 40, connectStarted: 40, connected: 50 },
        ],
        end: 90,
      },
      [
        'Attempt 1: refused 10-40 failed',
        'Attempt 2: connect 40-50 connect',
        'Attempt 2: bytes both ways 50-90 receive',
      ],
    ],
    ['no host at all', { requestComplete: 5, end: 90 }, []],
  ])('%s', (_name, timing, expected) => {
    expect(bars(timing, { protocol: 'TCP' })).toEqual(expected);
  });
});
