import type {
  AppClient,
  CallName,
  Calls,
  DemoState,
  EventName,
  Events,
} from '../../../../electron/ipc/contract.ts';
import { LAST_SEQ, random, resync, row, rows, type Scene, tick } from './story.ts';

export interface ScriptedClient extends AppClient {
  /** Sends a push to whoever listens. */
  push<N extends EventName>(name: N, payload: Events[N]): void;
  connection(connected: boolean): void;
  readonly calls: { readonly name: CallName; readonly args: unknown }[];
}

/** An AppClient that answers from the story. `live` adds a tick a second and rows ten times a second. */
export function createScriptedClient(scene: Scene, options: { now: number; live: boolean }): ScriptedClient {
  const { now, live } = options;
  const all = resync(now, scene);
  const listeners = new Map<string, Set<(payload: never) => void>>();
  const connections = new Set<(connected: boolean) => void>();
  const calls: { name: CallName; args: unknown }[] = [];
  let demo: DemoState = all.demo;

  const answers: Partial<{ [N in CallName]: (args: Calls[N]['args']) => Calls[N]['result'] }> = {
    'app.resync': () => all,
    'state.get': () => all.state,
    'records.rows': () => ({
      rows: all.recorder.records === 0 ? [] : rows(now, 3000, LAST_SEQ),
      skipped: 0,
      recorder: all.recorder,
    }),
    'demo.start': () => demo,
    'demo.rate': ({ rate }) => {
      demo = { ...demo, rate };
      return demo;
    },
    'demo.host': ({ address, mode }) => {
      demo = {
        ...demo,
        services: demo.services.map((service) => ({
          ...service,
          hosts: service.hosts.map((h) => (h.address === address ? { ...h, mode } : h)),
        })),
      };
      return demo;
    },
    'records.clear': () => ({ freedBytes: 182_000_000 }),
    'records.filter': () => ({ seqs: [], total: 0, error: '' }),
  };

  const client: ScriptedClient = {
    calls,
    call: async (name, args) => {
      calls.push({ name, args });
      const answer = answers[name] as ((args: unknown) => never) | undefined;
      if (name === 'config.open')
        throw { code: 'config.unreadable', message: 'There is no file of that name.' };
      return answer?.(args) as never;
    },
    on(name, listener) {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set);
      set.add(listener as (payload: never) => void);
      return () => set.delete(listener as (payload: never) => void);
    },
    onConnection(listener) {
      connections.add(listener);
      return () => connections.delete(listener);
    },
    push(name, payload) {
      for (const listener of listeners.get(name) ?? []) listener(payload as never);
    },
    connection(connected) {
      for (const listener of connections) listener(connected);
    },
  };

  if (live) {
    const draw = random(3);
    let batch = 1;
    let seq = LAST_SEQ;
    setInterval(() => client.push('metrics', tick(Date.now(), 1, draw)), 1000);
    setInterval(() => {
      const fresh = Array.from({ length: 5 }, () => row(++seq, Date.now(), draw));
      const recorder = { ...all.recorder, records: seq, lastSeq: seq, total: seq };
      client.push('rows', { rows: fresh, skipped: 0, recorder, batch: batch++ });
    }, 100);
  }
  return client;
}
