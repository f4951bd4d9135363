import type { CoreEvent, CoreState, MetricsTick } from '../../proxy-core/index.ts';
import type { ConfigState, DemoState, ProcessStats } from '../ipc/contract.ts';
import type { ClientPort } from '../ipc/session.ts';
import { RowBatcher, type RowSource } from './row-batcher.ts';

/** Where pushes are read from at the moment they are sent, so that what waits is always the newest. */
export interface PushSources extends RowSource {
  state(): CoreState;
  config(): ConfigState;
  demo(): DemoState;
}

const VISIBLE_INTERVAL = 40;
const HIDDEN_INTERVAL = 1_000;
/** A state is sent at most this often, and at most a twentieth of the time goes into making states. */
const STATE_INTERVAL = 200;
const STATE_SHARE = 20;
/** Bounds of what waits for a client that does not read: the oldest are dropped. */
const MAX_EVENTS = 500;
const MAX_TICKS = 300;

/**
 * Everything that one client gets pushed, at the pace that it can take: rows in acknowledged batches, states and the
 * like as the newest of their kind, events and metrics in bounded queues. A hidden window gets one push a second.
 */
export class ClientPushes {
  readonly #port: ClientPort;
  readonly #sources: PushSources;
  readonly #rows: RowBatcher;
  #timer: NodeJS.Timeout | null = null;
  #visible = true;
  #stateIsNew = false;
  #stateDue = 0;
  #configIsNew = false;
  #demoIsNew = false;
  #process: ProcessStats | null = null;
  #events: CoreEvent[] = [];
  #ticks: MetricsTick[] = [];

  constructor(port: ClientPort, sources: PushSources) {
    this.#port = port;
    this.#sources = sources;
    this.#rows = new RowBatcher(sources);
  }

  /** Begins, or begins anew for a client that has just taken everything there is. */
  restart(): void {
    this.#rows.restart();
    this.#stateIsNew = false;
    this.#configIsNew = false;
    this.#demoIsNew = false;
    this.#events = [];
    this.#ticks = [];
    this.#schedule();
  }

  get started(): boolean {
    return this.#timer !== null;
  }

  setVisible(visible: boolean): void {
    if (visible === this.#visible) return;
    this.#visible = visible;
    if (this.started) {
      this.#schedule();
      if (visible) this.flush(Date.now());
    }
  }

  acknowledge(batch: number): void {
    this.#rows.acknowledge(batch);
  }

  stateChanged(): void {
    this.#stateIsNew = true;
  }

  configChanged(): void {
    this.#configIsNew = true;
  }

  demoChanged(): void {
    this.#demoIsNew = true;
  }

  processStats(stats: ProcessStats): void {
    this.#process = stats;
  }

  event(event: CoreEvent): void {
    if (this.#events.push(event) > MAX_EVENTS) this.#events.shift();
  }

  metrics(tick: MetricsTick): void {
    if (this.#ticks.push(tick) > MAX_TICKS) this.#ticks.shift();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** One round of pushes. @param now wall milliseconds */
  flush(now: number): void {
    if (this.#port.congested()) return;
    if (this.#configIsNew) {
      this.#configIsNew = false;
      this.#port.send({ event: 'config', payload: this.#sources.config() });
    }
    if (this.#stateIsNew && now >= this.#stateDue) this.#sendState(now);
    if (this.#demoIsNew) {
      this.#demoIsNew = false;
      this.#port.send({ event: 'demo', payload: this.#sources.demo() });
    }
    for (const event of this.#events) this.#port.send({ event: 'event', payload: event });
    this.#events = [];
    for (const tick of this.#ticks) this.#port.send({ event: 'metrics', payload: tick });
    this.#ticks = [];
    if (this.#process !== null) {
      this.#port.send({ event: 'process', payload: this.#process });
      this.#process = null;
    }
    const rows = this.#rows.next();
    if (rows !== null) this.#port.send({ event: 'rows', payload: rows });
  }

  #sendState(now: number): void {
    const began = performance.now();
    this.#stateIsNew = false;
    this.#port.send({ event: 'state', payload: this.#sources.state() });
    const cost = performance.now() - began;
    this.#stateDue = now + Math.max(STATE_INTERVAL, cost * STATE_SHARE);
  }

  #schedule(): void {
    this.close();
    const interval = this.#visible ? VISIBLE_INTERVAL : HIDDEN_INTERVAL;
    this.#timer = setInterval(() => this.flush(Date.now()), interval);
    this.#timer.unref();
  }
}
