import type { CoreEvent } from '../facade/state.ts';

/** An event of the upstream room; whoever keeps the list adds its number and the running version. */
export type UpstreamEvent = Omit<CoreEvent, 'seq' | 'version'>;

export type UpstreamEventSink = (event: UpstreamEvent) => void;

/** An event with every field that it does not speak of left empty. */
export function upstreamEvent(
  event: Pick<UpstreamEvent, 'at' | 'kind' | 'tone' | 'text' | 'cluster'> & Partial<UpstreamEvent>,
): UpstreamEvent {
  return { host: '', detector: '', reason: '', duration: 0, count: 0, ...event };
}
