import type { RecorderState, RecordRow, RowBatch, RowQuery } from '../../proxy-core/index.ts';
import type { RowsPush } from '../ipc/contract.ts';

/** The part of the core that rows come from. */
export interface RowSource {
  rows(query: RowQuery): RowBatch;
  recorderState(): RecorderState;
}

/** Most rows in one push; what exceeds it is skipped, oldest first, and counted. */
const MAX_ROWS = 2_000;
/** Most unfinished requests whose rows are looked at again with each push. */
const MAX_UNFINISHED = 2_000;

/**
 * Makes the row pushes of one client. One push is in flight at a time: while the client has not acknowledged it,
 * nothing is collected (the rows wait in the core's ring), so a client that lags costs nothing and slows nobody.
 */
export class RowBatcher {
  readonly #source: RowSource;
  #nextSeq = 0;
  /** Rows that were sent unfinished, as they were sent. */
  #unfinished = new Map<number, RecordRow>();
  #batch = 0;
  #inFlight = false;
  #lastState: RecorderState | null = null;

  constructor(source: RowSource) {
    this.#source = source;
    this.restart();
  }

  /** Begins with the newest rows, as for a client that has none; forgets a push that was never acknowledged. */
  restart(): void {
    const { firstSeq, lastSeq } = this.#source.recorderState();
    this.#nextSeq = Math.max(firstSeq, lastSeq - MAX_ROWS + 1);
    this.#unfinished.clear();
    this.#inFlight = false;
    this.#lastState = null;
  }

  acknowledge(batch: number): void {
    if (batch === this.#batch) this.#inFlight = false;
  }

  /** The next push; null while one is in flight or when there is no news. */
  next(): RowsPush | null {
    if (this.#inFlight) return null;
    const state = this.#source.recorderState();
    if (state.lastSeq < this.#nextSeq - 1) this.restart();
    const changed = this.#finishedSince();
    const { rows, skipped } = this.#newRows(state);
    if (changed.length === 0 && rows.length === 0 && skipped === 0 && !this.#differs(state)) return null;
    this.#lastState = state;
    this.#inFlight = true;
    return { rows: [...changed, ...rows], skipped, recorder: state, batch: ++this.#batch };
  }

  /** Looks again at rows that were sent unfinished: those that moved on are sent again. */
  #finishedSince(): RecordRow[] {
    const changed: RecordRow[] = [];
    for (const [seq, sent] of this.#unfinished) {
      const row = this.#source.rows({ from: seq, limit: 1 }).rows[0];
      if (row?.seq !== seq) {
        // Overwritten in the ring: nothing more will be known of it.
        this.#unfinished.delete(seq);
        continue;
      }
      if (row.done) this.#unfinished.delete(seq);
      else if (row.status === sent.status && row.attempts === sent.attempts && row.host === sent.host)
        continue;
      else this.#unfinished.set(seq, row);
      changed.push(row);
    }
    return changed;
  }

  #newRows(state: RecorderState): { rows: readonly RecordRow[]; skipped: number } {
    const waiting = state.lastSeq - this.#nextSeq + 1;
    if (waiting <= 0) return { rows: [], skipped: 0 };
    const dropped = Math.max(0, waiting - MAX_ROWS);
    const batch = this.#source.rows({ from: this.#nextSeq + dropped, limit: MAX_ROWS });
    const last = batch.rows.at(-1);
    this.#nextSeq = last === undefined ? state.lastSeq + 1 : last.seq + 1;
    for (const row of batch.rows) {
      if (!row.done && this.#unfinished.size < MAX_UNFINISHED) this.#unfinished.set(row.seq, row);
    }
    return { rows: batch.rows, skipped: dropped + batch.skipped };
  }

  /** Cleared, paused or resumed: worth a push without rows. */
  #differs(state: RecorderState): boolean {
    const last = this.#lastState;
    return (
      last === null ||
      last.recording !== state.recording ||
      last.records !== state.records ||
      last.firstSeq !== state.firstSeq
    );
  }
}
