import { CallbackTimer, type Clock } from '../base/clock.ts';
import { AttacheError } from '../base/errors.ts';
import type { Stats } from '../base/stats.ts';
import type { ResourceChanges } from '../facade/core-api.ts';
import type { DataPath, SnapshotRuntime } from '../http/runtime.ts';
import { Listener, type ListenerConfig } from '../listener/index.ts';
import type { DrainOptions } from '../observe/index.ts';
import { BindProblem } from './bind-problem.ts';
import { addressText } from './state.ts';

/** Listeners that are bound for the next snapshot and not in use yet. */
export interface OpenedListeners {
  /** Listeners that are new, or have another address; each with the one whose socket it takes over, if any. */
  readonly fresh: ReadonlyMap<string, { readonly listener: Listener; readonly from: Listener | null }>;
  /** Closes them and gives the running listeners back what was taken from them. */
  abandon(): Promise<void>;
}

/** The listeners of the running snapshot, and those of former ones whose connections are still ending. */
export class ListenerSet {
  private readonly running = new Map<string, Listener>();
  private readonly draining = new Map<Listener, CallbackTimer>();
  private gracefulStop: CallbackTimer | null = null;

  /** `drainTime` in milliseconds (`--drain-time-s`); `strategy` as `--drain-strategy` has it. */
  constructor(
    private readonly clock: Clock,
    private readonly stats: Stats,
    private readonly path: DataPath,
    private readonly drainTime: number,
    private readonly strategy: 'gradual' | 'immediate',
  ) {}

  /** Those of the running snapshot, in the order of the configuration. */
  list(): readonly Listener[] {
    return [...this.running.values()];
  }

  get(name: string): Listener | undefined {
    return this.running.get(name);
  }

  get connections(): number {
    let sum = 0;
    for (const listener of this.running.values()) sum += listener.activeConnections;
    for (const listener of this.draining.keys()) sum += listener.activeConnections;
    return sum;
  }

  /** Binds what the next snapshot needs. Throws BindProblem; everything is then as it was. */
  async open(configs: readonly ListenerConfig[], runtime: SnapshotRuntime): Promise<OpenedListeners> {
    const fresh = new Map<string, { listener: Listener; from: Listener | null }>();
    const stopped: Listener[] = [];
    const abandon = async (): Promise<void> => {
      for (const { listener } of fresh.values()) listener.close();
      for (const listener of stopped) await listener.listen();
    };
    const leaving = this.leaving(configs);
    try {
      for (const config of configs) {
        const same = this.running.get(config.name);
        if (same !== undefined && sameAddress(same.config, config)) continue;
        const listener = new Listener(config, this.path, runtime);
        const from = leaving.find((each) => each.accepting && sameAddress(each.config, config)) ?? null;
        if (from === null) await this.bind(listener, leaving, stopped);
        fresh.set(config.name, { listener, from });
      }
    } catch (error) {
      await abandon();
      throw error;
    }
    return { fresh, abandon };
  }

  /** Running listeners that the next snapshot does not have, or has at another address. */
  private leaving(configs: readonly ListenerConfig[]): readonly Listener[] {
    const wanted = new Map(configs.map((config) => [config.name, config]));
    return this.list().filter(({ config }) => {
      const next = wanted.get(config.name);
      return next === undefined || !sameAddress(config, next);
    });
  }

  /** A listener that leaves may hold the port on another address (0.0.0.0 for 127.0.0.1): it gives way. */
  private async bind(listener: Listener, leaving: readonly Listener[], stopped: Listener[]): Promise<void> {
    try {
      await listener.listen();
    } catch (error) {
      const { port } = listener.config.address;
      const blocker = leaving.find((each) => each.accepting && each.config.address.port === port);
      if (blocker === undefined) throw problem(listener.config, error);
      blocker.stopAccepting();
      stopped.push(blocker);
      await listener.listen().catch((again: unknown) => {
        throw problem(listener.config, again);
      });
    }
  }

  /** Puts a snapshot's listeners in place; what is not wanted any more drains. */
  commit(configs: readonly ListenerConfig[], runtime: SnapshotRuntime, { fresh }: OpenedListeners): void {
    for (const { listener, from } of fresh.values()) {
      if (from !== null) listener.adopt(from);
    }
    const before = new Map(this.running);
    this.running.clear();
    for (const config of configs) {
      const opened = fresh.get(config.name);
      const same = before.get(config.name);
      if (opened !== undefined) this.running.set(config.name, opened.listener);
      else if (same !== undefined) {
        same.update(config, runtime, this.drainTime);
        this.running.set(config.name, same);
        before.delete(config.name);
      }
    }
    for (const listener of before.values()) this.retire(listener);
  }

  /** Gives the running listeners another runtime without touching their connections. */
  update(configs: readonly ListenerConfig[], runtime: SnapshotRuntime): void {
    for (const config of configs) this.running.get(config.name)?.update(config, runtime, this.drainTime);
  }

  count(changes: ResourceChanges): void {
    const { stats } = this;
    stats.counter('listener_manager.listener_added').add(changes.added.length);
    stats.counter('listener_manager.listener_modified').add(changes.updated.length);
    stats.counter('listener_manager.listener_in_place_updated').add(changes.updated.length);
    stats.counter('listener_manager.listener_removed').add(changes.removed.length);
    stats
      .counter('listener_manager.listener_create_success')
      .add(changes.added.length + changes.updated.length);
    stats.gauge('listener_manager.total_listeners_active').set(this.running.size);
  }

  /** New connections are refused at once; those that exist end by and by, the last of them after the drain time. */
  private retire(listener: Listener): void {
    listener.stopAccepting();
    if (listener.activeConnections === 0) {
      // What has no filter chain yet gets none.
      listener.close();
      return;
    }
    this.startDrain(listener);
    const timer = new CallbackTimer(this.clock, () => {
      listener.close();
      this.draining.delete(listener);
      this.tellDraining();
    });
    this.draining.set(listener, timer);
    timer.arm(this.drainTime);
    this.tellDraining();
  }

  private startDrain(listener: Listener): void {
    listener.drainGradually(this.strategy === 'immediate' ? 0 : this.drainTime);
  }

  private tellDraining(): void {
    this.stats.gauge('listener_manager.total_listeners_draining').set(this.draining.size);
  }

  /** `/drain_listeners`: at once and without a word to connections, or by and by and then for good. */
  drain({ graceful, skipExit, inboundOnly }: DrainOptions): void {
    const concerned = (listener: Listener): boolean => !inboundOnly || listener.config.inbound;
    if (!graceful) {
      this.stop(concerned);
      return;
    }
    for (const listener of this.running.values()) {
      if (concerned(listener)) this.startDrain(listener);
    }
    if (skipExit) return;
    this.gracefulStop?.disarm();
    this.gracefulStop = new CallbackTimer(this.clock, () => this.stop(concerned));
    this.gracefulStop.arm(this.drainTime);
  }

  private stop(concerned: (listener: Listener) => boolean): void {
    for (const listener of this.running.values()) {
      if (!listener.accepting || !concerned(listener)) continue;
      listener.stopAccepting();
      this.stats.counter('listener_manager.listener_stopped').inc();
    }
  }

  /** Lets requests in flight finish for `drain` milliseconds at most, then cuts everything. */
  async close(drain: number): Promise<void> {
    this.gracefulStop?.disarm();
    const all = [...this.running.values(), ...this.draining.keys()];
    for (const listener of all) {
      listener.stopAccepting();
      listener.drain();
    }
    if (drain > 0) await this.idle(drain);
    for (const listener of all) listener.close();
    for (const timer of this.draining.values()) timer.disarm();
    this.draining.clear();
  }

  /** Settles when no connection is left, or after `limit` milliseconds. */
  private idle(limit: number): Promise<void> {
    return new Promise((resolve) => {
      const until = this.clock.now() + limit;
      const timer = new CallbackTimer(this.clock, () => {
        if (this.connections === 0 || this.clock.now() >= until) resolve();
        else timer.arm(20);
      });
      timer.arm(0);
    });
  }
}

function problem(config: ListenerConfig, error: unknown): unknown {
  if (!(error instanceof AttacheError)) return error;
  return new BindProblem({
    code: error.code,
    severity: 'error',
    message: error.message,
    path: 'static_resources.listeners',
    range: config.source,
  });
}

function sameAddress(a: ListenerConfig, b: ListenerConfig): boolean {
  const text = ({ binds }: ListenerConfig): string =>
    binds.map((bind) => `${addressText(bind)} ${bind.ipv6Only} ${bind.mode}`).join(', ');
  return a.bindsToPort === b.bindsToPort && text(a) === text(b);
}
