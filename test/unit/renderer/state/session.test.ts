import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CoreEvent } from '../../../../proxy-core/index.ts';
import { startSession } from '../../../../renderer/state/session.ts';
import {
  rowRing,
  useApp,
  useCore,
  useEvents,
  useMetrics,
  useRows,
  useUi,
} from '../../../../renderer/state/stores.ts';
import { createScriptedClient, type ScriptedClient } from '../gallery/scripted-client.ts';
import { events, LAST_SEQ, random, row, tick } from '../gallery/story.ts';

const NOW = 1_700_000_000_000;
const page = { hidden: false, addEventListener: () => undefined, removeEventListener: () => undefined };
let client: ScriptedClient;
let stop: () => void;

beforeEach(async () => {
  vi.useFakeTimers({ now: NOW });
  vi.stubGlobal('document', page);
  vi.stubGlobal('requestAnimationFrame', (run: () => void) => setTimeout(run, 16));
  page.hidden = false;
  rowRing.clear();
  useApp.setState({ connection: 'loading', info: null });
  useUi.setState({ toasts: [], dismissed: new Set() });
  client = createScriptedClient('shop', { now: NOW, live: false });
  stop = startSession(client);
  await vi.advanceTimersByTimeAsync(0);
});

afterEach(() => {
  stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function called(name: string): number {
  return client.calls.filter((call) => call.name === name).length;
}

function pushRows(batch: number, from: number, count: number, skipped = 0): void {
  const draw = random(batch);
  const rows = [...Array(count)].map((_, i) => row(from + i, NOW, draw));
  const lastSeq = from + count - 1;
  const recorder = {
    records: lastSeq,
    maxRecords: 100_000,
    bytes: 1,
    maxBytes: 9,
    firstSeq: 1,
    lastSeq,
    total: lastSeq,
    recording: true,
  };
  client.push('rows', { rows, skipped, recorder, batch });
}

test('after the first answer everything is there, the newest rows too', () => {
  expect(useApp.getState()).toMatchObject({ connection: 'connected', info: { version: '0.1.0' } });
  expect(useCore.getState().core?.version).toBe(42);
  expect(useMetrics.getState().ticks).toHaveLength(600);
  expect(useRows.getState().lastSeq).toBe(LAST_SEQ);
  expect(rowRing.get(LAST_SEQ)?.seq).toBe(LAST_SEQ);
});

describe('rows', () => {
  test('go into the ring, and the batch is acknowledged once it is drawn', async () => {
    const before = useRows.getState().version;
    pushRows(1, LAST_SEQ + 1, 3, 2);
    expect(rowRing.get(LAST_SEQ + 3)).toBeDefined();
    expect(useRows.getState()).toMatchObject({ version: before + 1, lastSeq: LAST_SEQ + 3, skipped: 2 });
    expect(called('rows.ack')).toBe(0);
    await vi.advanceTimersByTimeAsync(16);
    expect(client.calls.at(-1)).toEqual({ name: 'rows.ack', args: { batch: 1 } });
  });

  test('a hidden window acknowledges at once: it draws nothing', () => {
    page.hidden = true;
    pushRows(2, LAST_SEQ + 1, 1);
    expect(called('rows.ack')).toBe(1);
  });

  test('an emptied recorder empties the list', () => {
    const recorder = useRows.getState().recorder;
    if (recorder === null) throw new Error('the story has a recorder');
    client.push('rows', {
      rows: [],
      skipped: 0,
      batch: 3,
      recorder: { ...recorder, records: 0, bytes: 0, firstSeq: LAST_SEQ + 1 },
    });
    expect(useRows.getState()).toMatchObject({ firstSeq: 0, lastSeq: 0 });
  });
});

describe('the connection', () => {
  test('a loss is told, and everything is asked for again when it is back', async () => {
    client.connection(false);
    expect(useApp.getState().connection).toBe('lost');
    client.connection(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(useApp.getState().connection).toBe('connected');
    expect(called('app.resync')).toBe(2);
  });

  test('counters are asked for once a second, unless the state came by itself or nobody looks', async () => {
    await vi.advanceTimersByTimeAsync(3000);
    expect(called('state.get')).toBe(3);
    const core = useCore.getState().core;
    if (core === null) throw new Error('the story has a state');
    await vi.advanceTimersByTimeAsync(500);
    client.push('state', core);
    await vi.advanceTimersByTimeAsync(500);
    expect(called('state.get')).toBe(3);
    page.hidden = true;
    await vi.advanceTimersByTimeAsync(5000);
    expect(called('state.get')).toBe(3);
  });
});

test('ticks and events that come twice count once', () => {
  const last = tick(NOW + 1000, 0, random(1));
  client.push('metrics', last);
  client.push('metrics', last);
  expect(useMetrics.getState().ticks).toHaveLength(601);
  const count = useEvents.getState().events.length;
  client.push('event', events(NOW)[0] as CoreEvent);
  expect(useEvents.getState().events).toHaveLength(count);
});

describe('toasts', () => {
  function happened(seq: number, kind: CoreEvent['kind'], host: string): void {
    const [, , , ejection] = events(NOW);
    client.push('event', { ...(ejection as CoreEvent), seq, kind, host });
  }

  test('ejections of one cluster share one toast, which stays', () => {
    happened(100, 'host-ejected', '127.0.0.1:7003');
    happened(101, 'host-ejected', '127.0.0.1:7002');
    expect(useUi.getState().toasts).toMatchObject([
      { tone: 'eject', sticky: true, title: '2 hosts are ejected from inventory_service' },
    ]);
  });

  test('it goes when the last host is back', () => {
    happened(102, 'host-ejected', '127.0.0.1:7003');
    happened(103, 'host-returned', '127.0.0.1:7003');
    expect(useUi.getState().toasts.map((t) => t.title)).toEqual([
      '127.0.0.1:7003 is back in inventory_service',
    ]);
  });

  test('what was detected but not ejected is on the timeline only', () => {
    happened(104, 'host-not-ejected', '127.0.0.1:7002');
    expect(useUi.getState().toasts).toEqual([]);
  });
});
