import type { Stats } from '../base/stats.ts';
import type { CoreServices } from '../config/compile-context.ts';
import type { CoreEvent } from '../facade/state.ts';
import { FlushQueue } from '../network/flush-queue.ts';
import type { StreamRecorder } from '../observe/types.ts';
import type { PoolServices } from '../upstream/pool/host-pool.ts';
import type { ClusterManager } from '../upstream/types.ts';

/**
 * What the core hands to the data path.
 *
 * Once per process: a `DataPath` (`createDataPath(services, recorder)`). Once per applied configuration: a
 * `SnapshotRuntime`. A listener is made with `new Listener(config, dataPath, snapshot)`, started with
 * `await listener.listen()` and brought up to date in place with `listener.update(config, snapshot)`.
 */
export interface DataPath {
  readonly services: CoreServices;
  readonly stats: Stats;
  readonly queue: FlushQueue;
  readonly pools: PoolServices;
  readonly uuid: () => string;
  readonly recorder: StreamRecorder | null;
  nextConnectionId: number;
  nextStreamId: number;
  /** Downstream connections of all listeners, for the global limit. */
  downstreamConnections: number;
  /** Health checks are made to fail (`/healthcheck/fail`): every response ends its connection. */
  draining: boolean;
  /** Told of what people should know of the services that filters call. */
  onEvent: (event: DataPathEvent) => void;
}

/** An event of the data path; the core adds the rest. */
export type DataPathEvent = Pick<CoreEvent, 'kind' | 'tone' | 'text' | 'cluster' | 'reason'>;

/** What belongs to one applied configuration and is not part of a listener's own. */
export interface SnapshotRuntime {
  readonly version: number;
  readonly clusters: ClusterManager;
  /** Values of the runtime layers by key. */
  readonly runtime: ReadonlyMap<string, unknown>;
  /** `%DOWNSTREAM_LOCAL_…%` aside, the node's cluster is sent as `x-envoy-downstream-service-cluster`. */
  readonly serviceCluster: string;
  readonly serviceNode: string;
  /** Of the overload manager, for all listeners together; absent: no limit. */
  readonly maxDownstreamConnections?: number | null;
}

export function createDataPath(services: CoreServices, recorder: StreamRecorder | null): DataPath {
  const queue = new FlushQueue(services.clock);
  queue.onDefect = (error) => services.log('error', 'main', `A connection was cut: ${defectText(error)}`);
  return {
    services,
    stats: services.stats,
    queue,
    uuid: () => services.random.uuid(),
    pools: { clock: services.clock, random: services.random, queue },
    recorder,
    nextConnectionId: 1,
    nextStreamId: 1,
    downstreamConnections: 0,
    draining: false,
    onEvent: () => {},
  };
}

/** The stack of a defect of ours: it goes to the log, nobody else can use it. */
export function defectText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
