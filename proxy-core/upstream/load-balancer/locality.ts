import type { HostSet } from '../host-set.ts';
import { EdfSchedule } from './edf.ts';

interface Schedule {
  readonly edf: EdfSchedule;
  /** Index in the priority's localities and effective weight, by entry of the schedule. */
  readonly entries: readonly { readonly locality: number; readonly weight: number }[];
}

/** `locality_weighted_lb_config`: localities of a priority take turns by weight · min(1, 1.4 · healthy share). */
export class LocalitySchedules {
  private healthy: (Schedule | null)[] = [];
  private degraded: (Schedule | null)[] = [];

  constructor(private readonly seed: number) {}

  refresh(set: HostSet): void {
    const make = (weights: readonly number[]): Schedule | null => {
      const entries = weights.map((weight, locality) => ({ locality, weight })).filter((e) => e.weight > 0);
      if (entries.length === 0) return null;
      const sum = entries.reduce((n, e) => n + e.weight, 0);
      const picks = Math.floor(this.seed % Math.max(1, sum));
      return {
        edf: new EdfSchedule(
          entries.map((e) => e.weight),
          picks,
        ),
        entries,
      };
    };
    this.healthy = set.priorities.map((p) => make(p.localities.map((l) => l.healthyWeight)));
    this.degraded = set.priorities.map((p) => make(p.localities.map((l) => l.degradedWeight)));
  }

  /** Index of the locality whose turn it is, -1 when none has weight. Moves on. */
  pick(priority: number, degraded: boolean): number {
    const schedule = (degraded ? this.degraded : this.healthy)[priority];
    if (schedule == null) return -1;
    const entry = schedule.entries[schedule.edf.peek()];
    if (entry === undefined) return -1;
    schedule.edf.pick(entry.weight);
    return entry.locality;
  }

  peek(priority: number, degraded: boolean): number {
    const schedule = (degraded ? this.degraded : this.healthy)[priority];
    return schedule == null ? -1 : (schedule.entries[schedule.edf.peek()]?.locality ?? -1);
  }
}
