import type { ResponseFlag, StreamInfo } from '../base/stream-info.ts';
import type { Decision } from '../facade/decision.ts';
import { type ReplyDraft, rewriteLocalReply } from '../http/local-reply-config.ts';
import type { ListenerConfig } from '../listener/index.ts';
import { Narration, step } from './narration.ts';
import type { Telling } from './telling.ts';

/** What `local_reply_config` makes of the answer that an imagined request would get. */
export function tellLocalReply(
  telling: Telling,
  decision: Decision,
  listener: ListenerConfig,
  info: StreamInfo,
): Decision {
  const reply = decision.outcome.localReply;
  const chain = listener.filterChains.find((each) => each.name === decision.outcome.filterChain);
  const rules = (chain ?? listener.filterChains[0])?.http?.localReply ?? null;
  if (reply === null || rules === null) return decision;
  info.responseFlags = reply.flags === '' ? [] : (reply.flags.split(',') as ResponseFlag[]);
  info.responseCodeDetails = reply.details;
  const draft: ReplyDraft = { status: reply.status, body: '', contentType: 'text/plain', headers: [] };
  const narration = new Narration();
  rewriteLocalReply(rules, draft, info, narration);
  if (narration.notes.length === 0) return decision;
  const subject = String(draft.status);
  const text = draft.status === reply.status ? 'after local_reply_config' : `in place of ${reply.status}`;
  telling.steps.push(step({ kind: 'response', subject, text }, narration));
  return {
    ...decision,
    headline: decision.headline.replace(String(reply.status), subject),
    outcome: { ...decision.outcome, localReply: { ...reply, status: draft.status } },
  };
}
