/**
 * Earliest-deadline-first schedule (envoy EdfScheduler): each entry is due at time + 1/weight; the one due first is
 * picked and put back; entries due together come in the order in which they were put back. While a weight stays, its
 * turns are counted and divided, not summed up: what is due together stays so, and every round is the same.
 */
export class EdfSchedule {
  private time = 0;
  private order = 0;
  private readonly heap: number[];
  private readonly deadlines: Float64Array;
  private readonly orders: Float64Array;
  /** Of each entry: when its weight came, the weight, and the turns since. */
  private readonly bases: Float64Array;
  private readonly weights: Float64Array;
  private readonly turns: Float64Array;

  /** `picks` are made at once, so that the proxies of a fleet do not all begin with the same host. */
  constructor(weights: readonly number[], picks: number) {
    const n = weights.length;
    this.heap = [];
    this.deadlines = new Float64Array(n);
    this.orders = new Float64Array(n);
    this.bases = new Float64Array(n);
    this.weights = Float64Array.from(weights);
    this.turns = new Float64Array(n);
    const sum = weights.reduce((a, b) => a + b, 0);
    let made = 0;
    for (let i = 0; i < n; i++) {
      const weight = weights[i] as number;
      const mine = picks > 0 ? Math.floor((picks * weight) / sum) : 0;
      made += mine;
      this.turns[i] = mine;
      this.deadlines[i] = mine / weight;
    }
    // As if each had been put back when its last turn was.
    for (const i of [...weights.keys()].sort((a, b) => this.lastTurn(a) - this.lastTurn(b))) {
      this.time = this.lastTurn(i);
      const turns = (this.turns[i] as number) + 1;
      this.turns[i] = turns;
      this.push(i, turns / (weights[i] as number));
    }
    for (; made < picks && n > 0; made++) this.pick(weights[this.heap[0] as number] as number);
  }

  private lastTurn(entry: number): number {
    return this.deadlines[entry] as number;
  }

  get size(): number {
    return this.heap.length;
  }

  /** The entry whose turn it is. */
  peek(): number {
    return this.heap[0] ?? -1;
  }

  /** Takes the entry whose turn it is and puts it back with this weight. */
  pick(weight: number): number {
    const top = this.heap[0];
    if (top === undefined) return -1;
    this.time = this.deadlines[top] as number;
    if (this.weights[top] !== weight) {
      this.weights[top] = weight;
      this.bases[top] = this.time;
      this.turns[top] = 0;
    }
    const turns = (this.turns[top] as number) + 1;
    this.turns[top] = turns;
    this.deadlines[top] = (this.bases[top] as number) + turns / weight;
    this.orders[top] = this.order++;
    this.siftDown(0);
    return top;
  }

  private push(entry: number, deadline: number): void {
    this.deadlines[entry] = deadline;
    this.orders[entry] = this.order++;
    let at = this.heap.length;
    this.heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.heap[parent] as number;
      if (!this.before(entry, above)) break;
      this.heap[at] = above;
      at = parent;
    }
    this.heap[at] = entry;
  }

  private siftDown(from: number): void {
    const heap = this.heap;
    const entry = heap[from] as number;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.before(heap[child + 1] as number, heap[child] as number)) child++;
      const below = heap[child] as number;
      if (!this.before(below, entry)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = entry;
  }

  private before(a: number, b: number): boolean {
    const da = this.deadlines[a] as number;
    const db = this.deadlines[b] as number;
    return da < db || (da === db && (this.orders[a] as number) < (this.orders[b] as number));
  }
}
