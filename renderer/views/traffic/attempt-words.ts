import type { AttemptTiming } from '../../../proxy-core/index.ts';

/** Why there was this attempt; empty for the first. */
export function attemptReason({ reason }: AttemptTiming, index: number): string {
  if (index === 0) return '';
  if (reason === '') return 'the attempt before gave no answer';
  if (reason === 'hedge') return 'hedged: the attempt before was slow and goes on beside it';
  return `the attempt before met \`${reason}\` of retry_on`;
}

/** Whether it began while the one before still ran. */
export function overlaps(attempt: AttemptTiming, before: AttemptTiming | undefined): boolean {
  if (before === undefined) return false;
  const ended = before.lastByte ?? before.firstByte;
  return attempt.reason === 'hedge' || (ended !== null && ended > attempt.started);
}
