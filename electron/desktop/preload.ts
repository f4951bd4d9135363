/**
 * The bridge in the renderer's sandbox: `window.attache` is the contract's client and nothing else. `ipcRenderer` and
 * IPC events never cross it.
 */
import { contextBridge, ipcRenderer } from 'electron';
import type { AppClient, CallName, Calls, EventName, Events } from '../ipc/contract.ts';
import type { Answer } from '../ipc/session.ts';
import type { EventMessage } from '../ipc/wire.ts';
import { CALL_CHANNEL, EVENT_CHANNEL } from './channels.ts';

const listeners = new Map<string, Set<(payload: never) => void>>();

ipcRenderer.on(EVENT_CHANNEL, (_event, message: EventMessage) => {
  for (const listener of listeners.get(message.event) ?? []) listener(message.payload as never);
});

const client: AppClient = {
  async call<N extends CallName>(name: N, args: Calls[N]['args']): Promise<Calls[N]['result']> {
    const answer = (await ipcRenderer.invoke(CALL_CHANNEL, name, args)) as Answer;
    // A plain object: an Error would lose its code on the way over the bridge.
    if ('error' in answer) throw answer.error;
    return answer.result as Calls[N]['result'];
  },
  on<N extends EventName>(name: N, listener: (payload: Events[N]) => void): () => void {
    const set = listeners.get(name) ?? new Set();
    listeners.set(name, set);
    set.add(listener as (payload: never) => void);
    return () => set.delete(listener as (payload: never) => void);
  },
  /** The app and its window live and die together: there is no connection to lose. */
  onConnection: () => () => {},
};

contextBridge.exposeInMainWorld('attache', client);
