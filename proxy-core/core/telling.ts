import type { StreamInfo } from '../base/stream-info.ts';
import type { Decision, DecisionOutcome, DecisionStep, PickShare } from '../facade/decision.ts';
import type { CoreEvent } from '../facade/state.ts';
import type { Snapshot } from './snapshot.ts';

/** A decision under construction: what each stage found, and the steps told so far. */
export interface Telling {
  readonly snapshot: Snapshot;
  readonly steps: DecisionStep[];
  outcome: DecisionOutcome;
  /** The stream as it was recorded; null in a dry run. */
  readonly recorded: StreamInfo | null;
  /** What happened while it ran: ejections that its answers caused are told with them. */
  readonly events: readonly CoreEvent[];
  /** How many picks to tell the distribution of; 0 = none. */
  readonly draws: number;
  distribution?: readonly PickShare[];
}

export const NOTHING: DecisionOutcome = {
  listener: null,
  filterChain: null,
  virtualHost: null,
  route: null,
  routeIndex: -1,
  cluster: null,
  host: null,
  localReply: null,
};

export function replyOf(info: StreamInfo): DecisionOutcome['localReply'] {
  return {
    status: info.responseCode,
    flags: info.responseFlags.join(','),
    details: info.responseCodeDetails,
  };
}

export function finish(telling: Telling, headline: string, detail: string): Decision {
  return {
    headline,
    detail,
    outcome: telling.outcome,
    steps: telling.steps,
    snapshotVersion: telling.snapshot.version,
    ...(telling.distribution === undefined ? {} : { distribution: telling.distribution }),
  };
}
