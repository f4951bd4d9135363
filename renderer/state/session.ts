import type { AppClient, DemoState, Resync, RowsPush } from '../../electron/ipc/contract.ts';
import type { CoreEvent, CoreState, MetricsTick } from '../../proxy-core/index.ts';
import { demoEvents } from './demo-events.ts';
import {
  hostHistory,
  MAX_EVENTS,
  MAX_TICKS,
  rowRing,
  useApp,
  useConfig,
  useCore,
  useDemo,
  useEvents,
  useMetrics,
  useRows,
} from './stores.ts';
import { toastForEvent } from './toasts.ts';

/** Rows fetched on (re)connection, so that the list is not empty after a reload. */
const BACKLOG = 5000;
/** Counters change without a `state` push; they are asked for this often while the window is visible. */
const STATE_INTERVAL = 1000;

/**
 * Keeps the stores in step with the app: pushes go in as they come, and after each (re)connection everything is
 * fetched anew. Returns the way to stop.
 */
export function startSession(client: AppClient): () => void {
  let stopped = false;
  let fresh = true;
  let stateAt = 0;

  async function resync(): Promise<void> {
    try {
      const all = await client.call('app.resync', undefined);
      if (stopped) return;
      takeResync(all);
      useApp.setState({ connection: 'connected' });
      fresh = false;
      const from = Math.max(all.recorder.firstSeq, all.recorder.lastSeq - BACKLOG + 1);
      if (all.recorder.records === 0) return;
      const backlog = await client.call('records.rows', { from, limit: BACKLOG });
      if (stopped) return;
      for (const row of backlog.rows) if (rowRing.get(row.seq)?.done !== true) rowRing.put(row);
      publishRows(0, backlog.recorder);
    } catch {
      // Lost again while asking: the next connection asks again.
    }
  }

  async function pollState(): Promise<void> {
    if (document.hidden || fresh || Date.now() - stateAt < STATE_INTERVAL - 100) return;
    try {
      takeState(await client.call('state.get', undefined));
    } catch {
      // The connection banner tells.
    }
  }

  function takeState(core: CoreState): void {
    stateAt = Date.now();
    hostHistory.observe(stateAt, core.clusters);
    useCore.setState({ core });
  }

  const stops = [
    client.on('rows', (push) => takeRows(client, push)),
    client.on('metrics', takeTick),
    client.on('process', (process) => useApp.setState({ process })),
    client.on('state', takeState),
    client.on('config', (config) => useConfig.setState({ config })),
    client.on('event', takeEvent),
    client.on('demo', takeDemo),
    client.onConnection((connected) => {
      if (connected) {
        if (useApp.getState().connection === 'lost') void resync();
      } else {
        useApp.setState({ connection: 'lost' });
      }
    }),
  ];
  const timer = setInterval(() => void pollState(), STATE_INTERVAL);
  const onVisibility = () => {
    client.call('app.visibility', { visible: !document.hidden }).catch(() => undefined);
  };
  document.addEventListener('visibilitychange', onVisibility);
  void resync();

  return () => {
    stopped = true;
    clearInterval(timer);
    document.removeEventListener('visibilitychange', onVisibility);
    for (const stop of stops) stop();
  };
}

function takeResync(all: Resync): void {
  // A recorder that counts lower than before is another process: its seqs mean other requests.
  if (all.recorder.lastSeq < rowRing.lastSeq) rowRing.clear();
  hostHistory.clear();
  hostHistory.observe(Date.now(), all.state.clusters);
  useApp.setState({ info: all.info, process: all.process });
  useConfig.setState({ config: all.config });
  useCore.setState({ core: all.state });
  useMetrics.setState({ ticks: all.metrics.slice(-MAX_TICKS) });
  useEvents.setState({ events: all.events.slice(-MAX_EVENTS) });
  useDemo.setState({ demo: all.demo });
  publishRows(0, all.recorder);
}

function takeTick(tick: MetricsTick): void {
  const { ticks } = useMetrics.getState();
  const last = ticks.at(-1);
  if (last !== undefined && tick.at <= last.at) return;
  useMetrics.setState({ ticks: [...ticks.slice(-(MAX_TICKS - 1)), tick] });
}

/** Events of this window itself, below those of the core. */
let ownSeq = -1;

/** What the shop is now, from a push or from the answer of a call: whichever comes first tells what was switched. */
export function takeDemo(demo: DemoState): void {
  const switched = demoEvents(useDemo.getState().demo, demo, Date.now(), ownSeq);
  ownSeq -= switched.length;
  useDemo.setState({ demo });
  for (const event of switched) takeEvent(event);
}

function takeEvent(event: CoreEvent): void {
  const { events } = useEvents.getState();
  if (events.some((known) => known.seq === event.seq)) return;
  // In the order of time, which two sources do not keep by themselves.
  const later = events.filter((known) => known.at > event.at).length;
  const list = [...events];
  list.splice(events.length - later, 0, event);
  useEvents.setState({ events: list.slice(-MAX_EVENTS) });
  toastForEvent(event);
}

function takeRows(client: AppClient, push: RowsPush): void {
  for (const row of push.rows) rowRing.put(row);
  publishRows(push.skipped, push.recorder);
  // The next batch may come once this one is drawn; hidden windows draw nothing, so they do not wait for a frame.
  const acknowledge = () => {
    client.call('rows.ack', { batch: push.batch }).catch(() => undefined);
  };
  if (document.hidden) acknowledge();
  else requestAnimationFrame(acknowledge);
}

/** Tells React what the ring holds now. The recorder's own first seq is the end of the list. */
export function publishRows(skipped: number, recorder: RowsPush['recorder']): void {
  if (recorder.records === 0 && recorder.lastSeq >= rowRing.lastSeq) rowRing.clear();
  else rowRing.dropBefore(recorder.firstSeq);
  const before = useRows.getState();
  useRows.setState({
    version: before.version + 1,
    firstSeq: rowRing.firstSeq,
    lastSeq: rowRing.lastSeq,
    skipped: rowRing.firstSeq === 0 ? 0 : before.skipped + skipped,
    recorder,
  });
}
