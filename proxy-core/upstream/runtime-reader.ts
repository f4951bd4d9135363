import type { Random } from '../base/random.ts';

/** The runtime as it is now: values of the static layers and of `/runtime_modify`. */
export class RuntimeReader {
  constructor(private readonly values: () => ReadonlyMap<string, unknown>) {}

  /** Another one after each change. */
  get current(): ReadonlyMap<string, unknown> {
    return this.values();
  }

  /** A whole number; `fallback` when the key is not set or is none. */
  number(key: string, fallback: number): number {
    const value = this.values().get(key);
    if (value === undefined) return fallback;
    const number = typeof value === 'string' ? Number(value) : value;
    return typeof number === 'number' && Number.isFinite(number) && number >= 0
      ? Math.floor(number)
      : fallback;
  }

  /** True for that share of the draws (`runtime.featureEnabled`): percent, by the key, else by `fallback`. */
  enabled(key: string, fallback: number, random: Random): boolean {
    const percent = Math.min(100, this.number(key, fallback));
    if (percent >= 100) return true;
    return percent > 0 && random.next() % 100 < percent;
  }
}
