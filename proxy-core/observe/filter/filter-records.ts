import type { StreamInfo } from '../../base/stream-info.ts';
import type { RecordRow } from '../../facade/records.ts';
import type { Recorder } from '../recorder/recorder.ts';
import { compileFilter, type FilterSubject } from './filter.ts';

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

/**
 * Runs a filter over everything recorded: the newest `limit` seqs that pass, ascending, and how many passed in all.
 * `error` is empty, or says what is wrong and where (1-based column).
 */
export function filterRecords(
  recorder: Recorder,
  filter: string,
  limit: number,
): { seqs: number[]; total: number; error: string } {
  const compiled = compileFilter(filter);
  if (!compiled.ok) {
    return { seqs: [], total: 0, error: `Column ${compiled.start + 1}: ${compiled.message}` };
  }
  const { firstSeq, lastSeq } = recorder.state();
  const seqs: number[] = [];
  let total = 0;
  for (let seq = lastSeq; seq >= firstSeq; seq--) {
    const row = recorder.row(seq);
    if (row === null || !compiled.matches(new RecordSubject(row, recorder))) continue;
    total++;
    if (seqs.length < limit) seqs.push(seq);
  }
  return { seqs: seqs.reverse(), total, error: '' };
}
