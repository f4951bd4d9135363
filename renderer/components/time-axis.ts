/** Geometry of the time charts: ticks, axis ends and marks. Pure. */
import { niceMaximum } from '../state/series.ts';

export interface Mark {
  readonly at: number;
  readonly kind: 'config' | 'eject' | 'fault';
  /** Short label: `v42`, `ejection`, `fault on`. */
  readonly label: string;
  /** The whole sentence, in the tooltip. */
  readonly text: string;
}

export interface MarkLabel {
  readonly x: number;
  readonly anchor: 'start' | 'end';
  readonly kind: Mark['kind'];
  readonly text: string;
}

/** Marks closer than this share one label. */
const LABEL_GAP = 46;
const LETTER = 6;

/** One label per group of close marks: the configuration version wins, then the number of ejections. */
export function markLabels(marks: readonly Mark[], xOf: (at: number) => number, right: number): MarkLabel[] {
  const groups: { first: number; last: number; marks: Mark[] }[] = [];
  for (const mark of marks.toSorted((a, b) => a.at - b.at)) {
    const x = xOf(mark.at);
    const group = groups.at(-1);
    if (group !== undefined && x - group.last < LABEL_GAP) {
      group.last = x;
      group.marks.push(mark);
    } else {
      groups.push({ first: x, last: x, marks: [mark] });
    }
  }
  return groups.map(({ first, last, marks: grouped }) => {
    const ejections = grouped.filter((mark) => mark.kind === 'eject');
    const key = grouped.findLast((mark) => mark.kind === 'config') ?? ejections[0] ?? (grouped[0] as Mark);
    const text = key.kind === 'eject' && ejections.length > 1 ? `${ejections.length} ejections` : key.label;
    const end = first + text.length * LETTER > right;
    return { x: end ? last + 4 : first - 2, anchor: end ? 'end' : 'start', kind: key.kind, text };
  });
}

/** Whole minutes (or quarter minutes, or tens) on the x axis, about one label per 60 px. */
export function timeTicks(from: number, to: number, width: number): number[] {
  const wanted = Math.max(1, Math.floor(width / 62));
  const steps = [15_000, 30_000, 60_000, 120_000, 240_000, 300_000, 600_000, 900_000, 1_800_000];
  const step = steps.find((s) => (to - from) / s <= wanted) ?? 1_800_000;
  const ticks: number[] = [];
  const margin = ((to - from) / Math.max(1, width)) * 14;
  for (let at = Math.ceil((from + margin) / step) * step; at <= to - margin; at += step) ticks.push(at);
  return ticks;
}

/** The decades of a log axis in milliseconds: 1 ms to 1 s, more only when the values need it. */
export function logDecades(values: readonly number[]): number[] {
  const positive = values.filter((value) => value > 0);
  const low = Math.min(1, ...positive.map((value) => 10 ** Math.floor(Math.log10(value))));
  const high = Math.max(1000, ...positive.map((value) => 10 ** Math.ceil(Math.log10(value))));
  const decades: number[] = [];
  for (let decade = Math.max(0.01, low); decade <= high * 1.001; decade *= 10) {
    decades.push(Number(decade.toPrecision(1)));
  }
  return decades;
}

const SHRINK_AFTER = 60_000;

/** The end of an axis that does not jump: grows at once, shrinks after a minute of smaller values. */
export class SteadyMaximum {
  private current = 0;
  private smallerSince = Number.NaN;
  private largestSince = 0;

  update(value: number, now: number, least: number): number {
    const wanted = niceMaximum(value * 1.02, least);
    if (wanted >= this.current) {
      this.current = wanted;
      this.smallerSince = Number.NaN;
      return this.current;
    }
    if (Number.isNaN(this.smallerSince)) {
      this.smallerSince = now;
      this.largestSince = wanted;
    }
    this.largestSince = Math.max(this.largestSince, wanted);
    if (now - this.smallerSince >= SHRINK_AFTER) {
      this.current = this.largestSince;
      this.smallerSince = Number.NaN;
    }
    return this.current;
  }
}
