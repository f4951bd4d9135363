import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClientPushes } from '../../../../electron/app/client-pushes.ts';
import type { ConfigState, DemoState } from '../../../../electron/ipc/contract.ts';
import type { EventMessage } from '../../../../electron/ipc/wire.ts';
import type { CoreEvent, MetricsTick } from '../../../../proxy-core/index.ts';
import { row, ScriptedCore } from '../scripted-core.ts';

describe('ClientPushes', () => {
  let core: ScriptedCore;
  let sent: EventMessage[];
  let congested: boolean;
  let pushes: ClientPushes;
  const kinds = () => sent.splice(0).map(({ event }) => event);

  beforeEach(() => {
    core = new ScriptedCore();
    sent = [];
    congested = false;
    const port = { send: (message: EventMessage) => sent.push(message), congested: () => congested };
    pushes = new ClientPushes(port, {
      rows: (query) => core.rows(query),
      recorderState: () => core.recorderState(),
      state: () => core.state(),
      config: () => ({ name: 'now' }) as ConfigState,
      demo: () => ({ rate: 40 }) as DemoState,
    });
    pushes.restart();
    pushes.flush(0);
    pushes.acknowledge(1);
    sent = [];
  });

  afterEach(() => pushes.close());

  it('sends each kind once when it changed', () => {
    pushes.stateChanged();
    pushes.stateChanged();
    pushes.configChanged();
    pushes.demoChanged();
    core.put(row(1));
    pushes.flush(1_000);
    expect(kinds()).toEqual(['config', 'state', 'demo', 'rows']);
    pushes.flush(1_040);
    expect(kinds()).toEqual([]);
  });

  it('sends a state at most every 200 ms, and then the newest', () => {
    pushes.stateChanged();
    pushes.flush(1_000);
    expect(kinds()).toEqual(['state']);
    pushes.stateChanged();
    pushes.flush(1_100);
    expect(kinds()).toEqual([]);
    core.version = 9;
    pushes.flush(1_300);
    expect(sent).toMatchObject([{ event: 'state', payload: { version: 9 } }]);
  });

  it('holds everything back from a client that does not read, within bounds', () => {
    congested = true;
    pushes.configChanged();
    for (let seq = 1; seq <= 600; seq++) pushes.event({ seq } as CoreEvent);
    for (let at = 1; at <= 400; at++) pushes.metrics({ at } as MetricsTick);
    pushes.flush(1_000);
    expect(sent).toEqual([]);
    congested = false;
    pushes.flush(1_040);
    const events = sent.filter(({ event }) => event === 'event');
    expect(events).toHaveLength(500);
    expect(events[0]).toMatchObject({ payload: { seq: 101 } });
    expect(sent.filter(({ event }) => event === 'metrics')).toHaveLength(300);
  });

  it('forgets what waited when the client takes everything anew', () => {
    pushes.event({ seq: 1 } as CoreEvent);
    pushes.configChanged();
    pushes.restart();
    pushes.flush(1_000);
    expect(kinds()).toEqual(['rows']);
  });
});
