import type { StreamInfo } from '../../base/stream-info.ts';
import type { RecordRow } from '../../facade/records.ts';
import type { Recorder } from '../recorder/recorder.ts';
import { compileFilter, type FilterPredicate, type FilterSubject } from './filter.ts';

/** One record as filters see it. */
class RecordSubject implements FilterSubject {
  constructor(
    readonly row: RecordRow,
    private readonly recorder: Recorder,
  ) {}

  headerLines(): readonly string[] {
    const info = this.recorder.streamInfo(this.row.seq);
    return info === null ? [] : headerLines(info);
  }

  bodies(): readonly string[] {
    return (['request', 'response'] as const).map((side) => {
      const slice = this.recorder.body(this.row.seq, side, 0, Number.MAX_SAFE_INTEGER);
      return slice === null ? '' : new TextDecoder().decode(slice.bytes);
    });
  }
}

function headerLines(info: StreamInfo): string[] {
  const lines: string[] = [];
  const lists = [
    info.receivedHead?.headers,
    info.responseHead?.headers ?? info.upstreamResponseHead?.headers,
    info.responseTrailers,
  ];
  for (const list of lists) {
    if (list === undefined || list === null) continue;
    for (let i = 0; i + 1 < list.length; i += 2) lines.push(`${list[i]}: ${list[i + 1]}`);
  }
  return lines;
}

export interface FilteredRecords {
  /** The newest that pass, ascending. */
  readonly seqs: number[];
  /** How many pass in all. */
  readonly total: number;
  /** Empty, or what is wrong with the filter and where (1-based column). */
  readonly error: string;
}

/** One walk over the records, newest first, that can stop and go on. */
class FilterRun {
  private readonly seqs: number[] = [];
  private total = 0;
  private next: number;

  constructor(
    private readonly recorder: Recorder,
    private readonly matches: FilterPredicate,
    private readonly limit: number,
  ) {
    this.next = recorder.state().lastSeq;
  }

  /** Looks at records until `deadline` (milliseconds of `performance.now`); true when all were seen. */
  step(deadline: number): boolean {
    const { firstSeq } = this.recorder.state();
    let untilLook = LOOK_AT_CLOCK;
    for (; this.next >= firstSeq; this.next--) {
      if (--untilLook === 0) {
        if (performance.now() >= deadline) return false;
        untilLook = LOOK_AT_CLOCK;
      }
      const row = this.recorder.row(this.next);
      if (row === null || !this.matches(new RecordSubject(row, this.recorder))) continue;
      this.total++;
      if (this.seqs.length < this.limit) this.seqs.push(this.next);
    }
    return true;
  }

  result(): FilteredRecords {
    return { seqs: this.seqs.reverse(), total: this.total, error: '' };
  }
}

/** Records between two looks at the clock. */
const LOOK_AT_CLOCK = 64;
/** Milliseconds of one slice: short enough that requests do not feel it. */
const SLICE = 4;

function failed(compiled: { readonly message: string; readonly start: number }): FilteredRecords {
  return { seqs: [], total: 0, error: `Column ${compiled.start + 1}: ${compiled.message}` };
}

/** Runs a filter over everything recorded, at one go. For short rings and tests: see `filterRecordsInSlices`. */
export function filterRecords(recorder: Recorder, filter: string, limit: number): FilteredRecords {
  const compiled = compileFilter(filter);
  if (!compiled.ok) return failed(compiled);
  const run = new FilterRun(recorder, compiled.matches, limit);
  run.step(Number.POSITIVE_INFINITY);
  return run.result();
}

/** The same in slices of a few milliseconds, so that traffic goes on in between. Records that come meanwhile are not in it. */
export async function filterRecordsInSlices(
  recorder: Recorder,
  filter: string,
  limit: number,
): Promise<FilteredRecords> {
  const compiled = compileFilter(filter);
  if (!compiled.ok) return failed(compiled);
  const run = new FilterRun(recorder, compiled.matches, limit);
  while (!run.step(performance.now() + SLICE)) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return run.result();
}
