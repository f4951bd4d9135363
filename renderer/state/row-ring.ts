import type { RecordRow } from '../../proxy-core/index.ts';

/**
 * Rows of the request list, by sequence number, outside React: a slot is `seq % capacity`. Rows are replaced in
 * place, so a redraw reads what is newest; React is told only that something between firstSeq and lastSeq changed.
 */
export class RowRing {
  readonly capacity: number;
  /** Oldest and newest seq that may be present; both 0 while empty. Rows between them may be missing (skipped). */
  firstSeq = 0;
  lastSeq = 0;
  /** What the core has dropped does not come back. */
  private floor = 0;
  private readonly slots: (RecordRow | undefined)[];

  constructor(capacity: number) {
    this.capacity = capacity;
    this.slots = new Array<RecordRow | undefined>(capacity);
  }

  put(row: RecordRow): void {
    if (row.seq < 1 || row.seq < this.floor || row.seq <= this.lastSeq - this.capacity) return;
    this.slots[row.seq % this.capacity] = row;
    // Older rows may come after newer ones: those recorded before the window was opened are asked for.
    if (this.firstSeq === 0 || row.seq < this.firstSeq) this.firstSeq = row.seq;
    if (row.seq > this.lastSeq) this.lastSeq = row.seq;
    if (this.lastSeq - this.firstSeq >= this.capacity) this.firstSeq = this.lastSeq - this.capacity + 1;
  }

  get(seq: number): RecordRow | undefined {
    if (seq < this.firstSeq || seq > this.lastSeq) return undefined;
    const row = this.slots[seq % this.capacity];
    return row !== undefined && row.seq === seq ? row : undefined;
  }

  /** The core has dropped everything before `seq`; the list ends there too. */
  dropBefore(seq: number): void {
    this.floor = Math.max(this.floor, seq);
    if (this.firstSeq === 0 || seq <= this.firstSeq) return;
    if (seq > this.lastSeq) {
      this.clear();
      return;
    }
    for (let old = this.firstSeq; old < seq; old++) this.slots[old % this.capacity] = undefined;
    this.firstSeq = seq;
  }

  clear(): void {
    this.slots.fill(undefined);
    this.firstSeq = 0;
    this.lastSeq = 0;
    this.floor = 0;
  }

  /** Newest rows first that pass `test`, at most `limit`, looking at no more than `reach` seqs. */
  newest(limit: number, reach: number, test: (row: RecordRow) => boolean): RecordRow[] {
    const found: RecordRow[] = [];
    const end = Math.max(this.firstSeq, this.lastSeq - reach + 1, 1);
    for (let seq = this.lastSeq; seq >= end && found.length < limit; seq--) {
      const row = this.get(seq);
      if (row !== undefined && test(row)) found.push(row);
    }
    return found;
  }
}
