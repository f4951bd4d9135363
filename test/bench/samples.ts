/** One measurement of one proxy under one kind of load. */
export interface Sample {
  readonly rps: number;
  readonly cpuMicros: number | null;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly bad: number;
  readonly megabytesPerSecond: number;
  readonly rssMegabytes: number | null;
}

type Field = Exclude<keyof Sample, 'bad'>;

/** The better one is the higher one; of the others the lower. */
const HIGHER: ReadonlySet<Field> = new Set(['rps', 'megabytesPerSecond']);

/** All samples by kind of load and proxy. */
export class Samples {
  private readonly all = new Map<string, Sample[]>();

  add(kind: string, proxy: string, sample: Sample): void {
    const key = `${kind} ${proxy}`;
    this.all.set(key, [...(this.all.get(key) ?? []), sample]);
  }

  /** The best of all rounds: whatever else runs on a machine only ever makes a figure worse. Memory: the most. */
  best(kind: string, proxy: string, field: Field): number | null {
    const known = (this.all.get(`${kind} ${proxy}`) ?? [])
      .map((sample) => sample[field])
      .filter((value) => value !== null);
    if (known.length === 0) return null;
    return HIGHER.has(field) || field === 'rssMegabytes' ? Math.max(...known) : Math.min(...known);
  }

  bad(proxy: string): number {
    let sum = 0;
    for (const [key, samples] of this.all) {
      if (key.endsWith(` ${proxy}`)) for (const sample of samples) sum += sample.bad;
    }
    return sum;
  }

  /** Attaché's best by another's. */
  ratio(kind: string, field: Field, against: string): number | null {
    const own = this.best(kind, 'attache', field);
    const other = this.best(kind, against, field);
    return own === null || other === null || other === 0 ? null : Number((own / other).toFixed(2));
  }

  toJSON(): Record<string, readonly Sample[]> {
    return Object.fromEntries(this.all);
  }
}
