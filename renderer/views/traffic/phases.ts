import type { AttemptTiming, RecordDetail } from '../../../proxy-core/index.ts';
import { isTcp } from './drawer-tabs.ts';

/** One bar of the waterfall, microseconds since the request began. */
export interface Phase {
  readonly group: string;
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly tone: 'note' | 'pool' | 'connect' | 'wait' | 'failed' | 'receive' | 'idle';
}

/** The parts of a request in the order in which they happened. */
export function phases(detail: RecordDetail): Phase[] {
  if (isTcp(detail.row)) return connectionPhases(detail);
  const { timing } = detail;
  const end = timing.end ?? 0;
  const list: Phase[] = [];
  const add = (
    group: string,
    label: string,
    from: number | null,
    to: number | null,
    tone: Phase['tone'],
  ): void => {
    if (from !== null && to !== null && to >= from) list.push({ group, label, from, to, tone });
  };
  const first = timing.attempts[0];
  add('Downstream', 'request read', 0, Math.min(timing.requestComplete ?? 0, first?.started ?? end), 'note');
  timing.attempts.forEach((attempt, index) => {
    const before = timing.attempts[index - 1];
    if (before !== undefined) add('Backoff', 'before the next try', endOf(before), attempt.started, 'idle');
    addAttempt(attempt, `Attempt ${index + 1}`, add);
  });
  add('Downstream', 'response written', timing.responseFirst, timing.end, 'note');
  return list;
}

/** A TCP connection: what it took to reach a host, then bytes both ways until the end. */
function connectionPhases({ timing }: RecordDetail): Phase[] {
  const list: Phase[] = [];
  timing.attempts.forEach((attempt, index) => {
    const group = `Attempt ${index + 1}`;
    const from = attempt.connectStarted ?? attempt.started;
    const reached = attempt.poolReady ?? attempt.connected;
    if (reached === null) {
      const to = timing.attempts[index + 1]?.started ?? timing.end ?? from;
      list.push({ group, label: attempt.failure || 'connect', from, to, tone: 'failed' });
      return;
    }
    list.push({ group, label: 'connect', from, to: reached, tone: 'connect' });
    if (timing.end !== null) {
      list.push({ group, label: 'bytes both ways', from: reached, to: timing.end, tone: 'receive' });
    }
  });
  return list.filter(({ from, to }) => to >= from);
}

function endOf(attempt: AttemptTiming): number | null {
  return attempt.lastByte ?? attempt.firstByte ?? attempt.sentLast ?? attempt.poolReady ?? attempt.started;
}

function addAttempt(
  attempt: AttemptTiming,
  group: string,
  add: (group: string, label: string, from: number | null, to: number | null, tone: Phase['tone']) => void,
): void {
  const connects = attempt.connectStarted !== null;
  if (connects) add(group, 'connect', attempt.connectStarted, attempt.connected, 'connect');
  if (connects) add(group, 'TLS handshake', attempt.connected, attempt.secured, 'connect');
  add(
    group,
    connects ? 'connection ready' : 'pooled connection',
    attempt.secured ?? attempt.connected ?? attempt.started,
    attempt.poolReady,
    'pool',
  );
  add(group, 'request sent', attempt.sentFirst, attempt.sentLast, 'pool');
  const failed = attempt.status >= 500 || attempt.status === 0;
  const answer = attempt.status > 0 ? `first byte: ${attempt.status}` : attempt.failure || 'no answer';
  const sent = attempt.sentLast ?? attempt.sentFirst ?? attempt.poolReady ?? attempt.started;
  add(group, answer, sent, attempt.firstByte ?? attempt.lastByte, failed ? 'failed' : 'wait');
  if (attempt.firstByte !== null) add(group, 'response body', attempt.firstByte, attempt.lastByte, 'receive');
}
