import type { Attempt, PickCircumstances } from '../../base/stream-info.ts';
import type { Cluster, Host } from '../../upstream/types.ts';

/** The account of a try that begins: `random` is the draw that `cluster.choose` was given just now. */
export function newAttempt(
  host: Host,
  cluster: Cluster,
  random: number,
  now: number,
  reason = '',
  circumstances: PickCircumstances | null = null,
): Attempt {
  return {
    hostAddress: host.address,
    hostName: host.hostname,
    reason,
    status: 0,
    resetReason: '',
    transportFailureReason: '',
    upstreamConnectionId: 0,
    random,
    hostSetId: cluster.hostSetId,
    position: cluster.lastPosition,
    circumstances,
    started: now,
    connectStarted: -1,
    connected: -1,
    secured: -1,
    poolReady: -1,
    sentFirst: -1,
    sentLast: -1,
    firstByte: -1,
    lastByte: -1,
  };
}
