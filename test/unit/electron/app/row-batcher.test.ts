import { beforeEach, describe, expect, it } from 'vitest';
import { RowBatcher } from '../../../../electron/app/row-batcher.ts';
import { row, ScriptedCore } from '../scripted-core.ts';

const seqs = (push: ReturnType<RowBatcher['next']>) => push?.rows.map(({ seq }) => seq);

describe('RowBatcher', () => {
  let core: ScriptedCore;
  let batcher: RowBatcher;

  beforeEach(() => {
    core = new ScriptedCore();
    batcher = new RowBatcher(core);
    const first = batcher.next();
    expect(first).toMatchObject({ rows: [], skipped: 0, batch: 1 });
    batcher.acknowledge(1);
  });

  it('sends nothing while there is nothing new', () => {
    expect(batcher.next()).toBeNull();
  });

  it('sends new rows once, in order', () => {
    core.put(row(1), row(2));
    expect(seqs(batcher.next())).toEqual([1, 2]);
    batcher.acknowledge(2);
    expect(batcher.next()).toBeNull();
  });

  it('keeps one push in flight and gathers what comes meanwhile', () => {
    core.put(row(1));
    expect(batcher.next()?.batch).toBe(2);
    core.put(row(2), row(3));
    expect(batcher.next()).toBeNull();
    batcher.acknowledge(1);
    expect(batcher.next()).toBeNull();
    batcher.acknowledge(2);
    expect(seqs(batcher.next())).toEqual([2, 3]);
  });

  it('sends a row again when its request moved on, and a last time when it is done', () => {
    core.put(row(1, { done: false, status: 0 }));
    expect(seqs(batcher.next())).toEqual([1]);
    batcher.acknowledge(2);
    expect(batcher.next()).toBeNull();
    core.put(row(1, { done: false, status: 200 }));
    expect(batcher.next()?.rows).toMatchObject([{ seq: 1, status: 200, done: false }]);
    batcher.acknowledge(3);
    core.put(row(1), row(2));
    expect(seqs(batcher.next())).toEqual([1, 2]);
    batcher.acknowledge(4);
    expect(batcher.next()).toBeNull();
  });

  it('drops the oldest of more than 2,000 waiting rows and says how many', () => {
    core.put(...Array.from({ length: 2_500 }, (_, index) => row(index + 1)));
    const push = batcher.next();
    expect(push).toMatchObject({ skipped: 500 });
    expect(push?.rows).toHaveLength(2_000);
    expect(push?.rows.at(-1)?.seq).toBe(2_500);
  });

  it('counts rows that left the ring before they were asked for', () => {
    core.put(row(8), row(9));
    core.firstSeq = 8;
    expect(batcher.next()).toMatchObject({ skipped: 7, rows: [{ seq: 8 }, { seq: 9 }] });
  });

  it('forgets an unfinished row that left the ring', () => {
    core.put(row(1, { done: false }));
    batcher.next();
    batcher.acknowledge(2);
    core.rowsBySeq.delete(1);
    core.put(row(2));
    core.firstSeq = 2;
    expect(seqs(batcher.next())).toEqual([2]);
  });

  it('tells of clearing and pausing without rows', () => {
    core.put(row(1), row(2));
    batcher.next();
    batcher.acknowledge(2);
    core.setRecording(false);
    expect(batcher.next()).toMatchObject({ rows: [], recorder: { recording: false } });
    batcher.acknowledge(3);
    expect(batcher.next()).toBeNull();
  });

  it('begins anew with the newest 2,000 rows for a client that has none', () => {
    core.put(...Array.from({ length: 2_500 }, (_, index) => row(index + 1)));
    batcher.restart();
    const push = batcher.next();
    expect(push).toMatchObject({ skipped: 0 });
    expect(push?.rows[0]?.seq).toBe(501);
  });
});
