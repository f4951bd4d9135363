/** Which line of the list holds what. Lines are requests by seq, with events between them at their time. */
import type { CoreEvent, RecordRow } from '../../../proxy-core/index.ts';

/** Where rows come from: the ring outside React. */
export interface RowLookup {
  readonly firstSeq: number;
  readonly lastSeq: number;
  get(seq: number): RecordRow | undefined;
}

export type ListItem =
  | { readonly kind: 'request'; readonly seq: number }
  | { readonly kind: 'event'; readonly event: CoreEvent };

export interface ListModel {
  readonly length: number;
  readonly requests: number;
  item(index: number): ListItem;
  /** The line of a request, -1 when it is not in the list. */
  indexOf(seq: number): number;
  /** How many requests of the list are younger than this one, which need not be in it. */
  newerThan(seq: number): number;
  /** The request on or nearest above (`-1`) or below (`1`) a line; null when there is none. */
  request(index: number, direction: 1 | -1): number | null;
}

/** Seqs in ascending order, without an array when they are all. */
interface Seqs {
  readonly length: number;
  at(position: number): number;
  /** How many are ≤ seq. */
  upTo(seq: number): number;
}

export function allSeqs(rows: RowLookup): Seqs {
  const { firstSeq, lastSeq } = rows;
  const length = firstSeq === 0 ? 0 : lastSeq - firstSeq + 1;
  return {
    length,
    at: (position) => firstSeq + position,
    upTo: (seq) => Math.max(0, Math.min(length, seq - firstSeq + 1)),
  };
}

export function listedSeqs(seqs: readonly number[]): Seqs {
  return {
    length: seqs.length,
    at: (position) => seqs[position] ?? 0,
    upTo: (seq) => countUpTo(seqs, seq),
  };
}

function countUpTo(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The last request from `from` on that began before an event, by bisection: requests are numbered as they begin.
 * `from - 1` when there is none.
 */
export function seqBefore(rows: RowLookup, at: number, from = rows.firstSeq): number {
  let low = from;
  let high = rows.lastSeq + 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    // A hole in the ring (rows that were never sent) is judged by its next neighbour.
    let probe = middle;
    while (probe < high && rows.get(probe) === undefined) probe++;
    const row = probe < high ? rows.get(probe) : undefined;
    if (row === undefined) high = middle;
    else if (row.at <= at) low = probe + 1;
    else high = middle;
  }
  return low - 1;
}

/** The oldest request whose row is here; those before it were recorded before this window was opened. */
function oldestKnown(rows: RowLookup): RecordRow | undefined {
  for (let seq = rows.firstSeq; seq > 0 && seq <= rows.lastSeq; seq++) {
    const row = rows.get(seq);
    if (row !== undefined) return row;
  }
  return undefined;
}

/** Builds in O(events · log rows): cheap enough for each redraw. */
export function listModel(seqs: Seqs, events: readonly CoreEvent[], rows: RowLookup): ListModel {
  const first = oldestKnown(rows);
  const shown = first === undefined ? [] : events.filter((event) => event.at >= first.at);
  // Line of each event: the requests before it, and the events before it.
  const lines = shown.map((event, index) => seqs.upTo(seqBefore(rows, event.at, first?.seq)) + index);
  const eventAt = (line: number): number => {
    const before = countUpTo(lines, line);
    return before > 0 && lines[before - 1] === line ? before - 1 : -1;
  };
  const eventsUpTo = (line: number): number => countUpTo(lines, line);
  const length = seqs.length + shown.length;
  const item = (line: number): ListItem => {
    const event = eventAt(line);
    if (event >= 0) return { kind: 'event', event: shown[event] as CoreEvent };
    return { kind: 'request', seq: seqs.at(line - eventsUpTo(line)) };
  };
  return {
    length,
    requests: seqs.length,
    item,
    indexOf: (seq) => {
      const position = seqs.upTo(seq) - 1;
      if (position < 0 || seqs.at(position) !== seq) return -1;
      // Events before this request push it down: those whose line is at or above it.
      let line = position;
      for (const at of lines) {
        if (at <= line) line++;
        else break;
      }
      return line;
    },
    newerThan: (seq) => seqs.length - seqs.upTo(seq),
    request: (line, direction) => {
      for (let at = line; at >= 0 && at < length; at += direction) {
        const found = item(at);
        if (found.kind === 'request') return found.seq;
      }
      return null;
    },
  };
}
