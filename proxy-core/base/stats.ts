/**
 * The three kinds of statistic, as the data path touches them. Names are Envoy's dotted names
 * (`cluster.inventory_service.upstream_rq_total`). The store behind them, tags, quantiles and Prometheus text
 * live in `observe/`. A statistic outlives a configuration: the same name gives the same object.
 */
export class Counter {
  value = 0;

  constructor(readonly name: string) {}

  add(n: number): void {
    this.value += n;
  }

  inc(): void {
    this.value++;
  }
}

export class Gauge {
  value = 0;
  /** True once it was written: `usedonly` lists it (Envoy: ever written since start). */
  used = false;

  constructor(readonly name: string) {}

  set(n: number): void {
    this.value = n;
    this.used = true;
  }

  inc(): void {
    this.value++;
    this.used = true;
  }

  dec(): void {
    this.value--;
    this.used = true;
  }
}

export interface Histogram {
  readonly name: string;
  /** Whole milliseconds for times, bytes for sizes: the unit of the statistic. */
  record(value: number): void;
}

/** Gets or creates by full name. */
export interface Stats {
  counter(name: string): Counter;
  gauge(name: string): Gauge;
  histogram(name: string): Histogram;
  /** A text readout (`control_plane.identifier`, `version_text`). */
  text(name: string, value: string): void;
}
