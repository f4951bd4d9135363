import type { RecordDetail } from '../../../proxy-core/index.ts';
import { flagWords } from './flag-words.ts';

export interface ConnectionEnd {
  readonly headline: string;
  readonly text: string;
  /** Envoy's words for it, `-` when it just ended. */
  readonly reason: string;
}

/** How a TCP connection went, in one sentence and what led to its end. */
export function connectionEnd(detail: RecordDetail): ConnectionEnd {
  const { row, connection } = detail;
  const last = detail.timing.attempts.at(-1);
  const reason =
    connection.terminationDetails || row.details || connection.upstream.failure || last?.failure || '-';
  const to = row.cluster === '' ? '' : `, cluster ${row.cluster}`;
  if (!row.done) {
    const headline = row.host === '' ? 'This connection is still open.' : `Open to ${row.host}${to}.`;
    return { headline, text: '', reason };
  }
  const words = flagWords(row.flags);
  const why = words.length === 0 ? '' : `Ended because ${words.join('; ')}.`;
  if (row.host === '') return { headline: `Ended without a host${to}.`, text: why, reason };
  const reached = detail.timing.attempts.some(
    (attempt) => attempt.connected !== null || attempt.poolReady !== null,
  );
  return reached
    ? { headline: `Went to ${row.host}${to}.`, text: why || 'Both sides ended it in the usual way.', reason }
    : { headline: `${row.host} could not be reached${to}.`, text: why, reason };
}
