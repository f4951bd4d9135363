/** What the ejection timeline shows, from the events of one cluster. Pure. */
import type { ClusterState, CoreEvent } from '../../../proxy-core/index.ts';
import { formatSetting } from '../../state/format.ts';

export interface Span {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Planned length in milliseconds. */
  readonly duration: number;
}

export interface Detection {
  readonly at: number;
  /** a, b, c … of the list below; empty for one that is too old for the list. */
  readonly letter: string;
  readonly text: string;
}

export interface Lane {
  readonly address: string;
  readonly health: ClusterState['hosts'][number]['health'];
  readonly spans: readonly Span[];
  /** While the active health check failed. */
  readonly unhealthy: readonly { readonly from: number; readonly to: number; readonly text: string }[];
  /** Time still to go, from now on. */
  readonly left: { readonly from: number; readonly to: number } | null;
  readonly detections: readonly Detection[];
}

export interface Reason {
  readonly seq: number;
  readonly letter: string;
  readonly at: number;
  readonly host: string;
  readonly kind: 'ejected' | 'not-ejected';
  readonly text: string;
}

export interface Timeline {
  readonly from: number;
  readonly to: number;
  readonly now: number;
  readonly lanes: readonly Lane[];
  /** Hosts without a lane because there are too many and nothing happened to them. */
  readonly quiet: number;
  readonly reasons: readonly Reason[];
  readonly earlier: number;
}

const MAX_LANES = 12;
export const MAX_REASONS = 6;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

export function timelineOf(
  cluster: ClusterState,
  events: readonly CoreEvent[],
  now: number,
  range: number,
): Timeline {
  const from = now - range;
  const own = events.filter((event) => event.cluster === cluster.name);
  const told = own.filter((event) => event.at >= from && isReason(event));
  const listed = told.slice(-MAX_REASONS);
  const letters = new Map<number, string>();
  for (const event of listed) {
    if (event.kind === 'host-not-ejected') letters.set(event.seq, LETTERS[letters.size] ?? '');
  }
  const lastEnd = Math.max(now, ...cluster.hosts.map((host) => host.ejectedUntil));
  const ahead = Math.min(range / 2, Math.max(range * 0.11, (lastEnd - now) * 1.15));
  const eventful = new Set(own.filter((event) => event.at >= from).map((event) => event.host));
  const shown =
    cluster.hosts.length <= MAX_LANES
      ? cluster.hosts
      : cluster.hosts
          .filter((host) => eventful.has(host.address) || host.health === 'ejected')
          .slice(0, MAX_LANES);
  return {
    from,
    to: now + ahead,
    now,
    lanes: shown.map((host) => {
      const mine = own.filter((event) => event.host === host.address);
      return {
        address: host.address,
        health: host.health,
        unhealthy: unhealthyOf(mine, from, now),
        spans: spansOf(mine, host.health === 'ejected', from, now),
        left:
          host.health === 'ejected' && host.ejectedUntil > now ? { from: now, to: host.ejectedUntil } : null,
        detections: mine
          .filter((event) => event.kind === 'host-not-ejected' && event.at >= from)
          .map((event) => ({ at: event.at, letter: letters.get(event.seq) ?? '', text: event.text })),
      };
    }),
    quiet: cluster.hosts.length - shown.length,
    reasons: listed.map((event) => ({
      seq: event.seq,
      letter: letters.get(event.seq) ?? '',
      at: event.at,
      host: event.host,
      kind: event.kind === 'host-ejected' ? 'ejected' : 'not-ejected',
      text: reasonText(event),
    })),
    earlier: told.length - listed.length,
  };
}

function isReason(event: CoreEvent): boolean {
  return event.kind === 'host-ejected' || event.kind === 'host-not-ejected';
}

function reasonText(event: CoreEvent): string {
  if (event.detector === 'manual') return 'ejected by hand, until it is taken back';
  if (event.kind === 'host-not-ejected') return `${event.detector}: detected, not ejected, ${event.reason}`;
  return `${event.detector}: ejected for ${formatSetting(event.duration)}, number ${event.count} in a row`;
}

/** From the event that says unhealthy to the one that says otherwise, or until now. */
function unhealthyOf(events: readonly CoreEvent[], from: number, now: number): Lane['unhealthy'] {
  const spans: { from: number; to: number; text: string }[] = [];
  let open: CoreEvent | null = null;
  for (const event of events) {
    if (event.kind !== 'host-health') continue;
    if (event.tone === 'err') open ??= event;
    else if (open !== null) {
      spans.push({ from: open.at, to: event.at, text: open.text });
      open = null;
    }
  }
  if (open !== null) spans.push({ from: open.at, to: now, text: open.text });
  return spans.filter((s) => s.to > from).map((s) => ({ ...s, from: Math.max(s.from, from) }));
}

/** Each ejection lasts until the host came back, or until now. */
function spansOf(events: readonly CoreEvent[], stillOut: boolean, from: number, now: number): Span[] {
  const spans: Span[] = [];
  let open: CoreEvent | null = null;
  for (const event of events) {
    if (event.kind === 'host-ejected') {
      if (open !== null) spans.push(span(open, event.at));
      open = event;
    } else if (event.kind === 'host-returned' && open !== null) {
      spans.push(span(open, event.at));
      open = null;
    }
  }
  if (open !== null) spans.push(span(open, stillOut ? now : Math.min(now, open.at + open.duration)));
  return spans.filter((s) => s.to > from).map((s) => ({ ...s, from: Math.max(s.from, from) }));
}

function span(event: CoreEvent, to: number): Span {
  return { from: event.at, to, count: event.count, duration: event.duration };
}
