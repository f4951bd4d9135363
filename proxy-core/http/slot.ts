import type { HttpConnectionManagerConfig } from './connection-manager-config.ts';
import type { DataPath, SnapshotRuntime } from './runtime.ts';

/** The newest configuration of one filter chain; connections hold the slot, so that new streams see an update. */
export interface HttpSlot {
  config: HttpConnectionManagerConfig;
  snapshot: SnapshotRuntime;
  /** How its connections end; null while they stay. */
  drain: Drain | null;
  /** `drain_type: MODIFY_ONLY`: failing health checks do not drain. */
  readonly modifyOnly?: boolean;
}

/**
 * Each response ends its connection with a probability that grows from 0 at `since` to 1 after `duration` milliseconds
 * (Envoy: DrainManagerImpl::drainClose). Duration 0: the next response does.
 */
export interface Drain {
  readonly since: number;
  readonly duration: number;
}

/** Of chains that are gone or changed. */
export const DRAIN_AT_ONCE: Drain = { since: 0, duration: 0 };

/** Whether the response that is about to go ends its connection because of a drain. Draws when that is a matter of chance. */
export function drainsNow(slot: HttpSlot, path: DataPath): boolean {
  if (path.draining && slot.modifyOnly !== true) return true;
  const { drain } = slot;
  if (drain === null) return false;
  const { clock, random } = path.services;
  const elapsed = clock.now() - drain.since;
  return elapsed >= drain.duration || elapsed > random.next() % drain.duration;
}
