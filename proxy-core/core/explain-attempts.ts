import type { Attempt, StreamInfo } from '../base/stream-info.ts';
import type { DecisionStep } from '../facade/decision.ts';
import type { CoreEvent } from '../facade/state.ts';
import type { LoadBalancerContext, UpstreamCluster } from '../upstream/index.ts';
import { durationText, Narration, plural, step } from './narration.ts';

/** Each recorded try: the pick, re-decided with its draw and host set, and what became of it; then the answer. */
export function explainAttempts(
  steps: DecisionStep[],
  cluster: UpstreamCluster,
  info: StreamInfo,
  events: readonly CoreEvent[],
  context: LoadBalancerContext,
): void {
  for (const [index, attempt] of info.attempts.entries()) {
    const narration = new Narration();
    cluster.explainChoice(contextOf(context, attempt, index), narration, attempt.hostSetId);
    for (const address of attempt.circumstances?.refused ?? []) {
      narration.note(
        'neutral',
        `${address} was drawn first and passed over: a retry does not want it (\`retry_host_predicate\`).`,
        null,
      );
    }
    const host = attempt.hostAddress === '' ? 'none' : attempt.hostAddress;
    steps.push(
      step(
        {
          kind: 'load-balancing',
          subject: host,
          text:
            host === 'none'
              ? 'no host can be picked'
              : `by ${cluster.config.lbPolicy}${info.attempts.length > 1 ? `, try ${index + 1}` : ''}${tryReason(attempt)}`,
          tone: host === 'none' ? 'bad' : 'neutral',
          source: cluster.config.source,
          at: micros(info, attempt.started),
        },
        narration,
      ),
    );
    if (host !== 'none') steps.push(attemptStep(info, attempt, index));
    for (const event of events)
      if (causedBy(event, cluster, info, attempt)) steps.push(ejectionStep(event, cluster));
  }
  const notes = info.serviceNotes ?? [];
  if (notes.length > 0) {
    const narration = new Narration();
    for (const note of notes) narration.note('neutral', note, null);
    steps.push(step({ kind: 'http-filters', subject: 'beside the request', text: '' }, narration));
  }
  steps.push(
    step({
      kind: 'response',
      subject: info.responseCode === 0 ? 'no answer' : String(info.responseCode),
      text: responseText(info),
      tone: info.responseCode === 0 || info.responseCode >= 500 ? 'bad' : 'good',
      at: micros(info, info.end),
    }),
  );
}

/** What the load balancer looked at for this try. */
function contextOf(context: LoadBalancerContext, attempt: Attempt, index: number): LoadBalancerContext {
  const { circumstances, random, position } = attempt;
  const excluded = new Set(circumstances?.priorities ?? []);
  return {
    ...context,
    random,
    attempt: index,
    position,
    overrideHost: circumstances?.override ?? null,
    priorities: excluded.size === 0 ? null : { excluded, reset: () => {} },
  };
}

/** Why there was another try. */
function tryReason(attempt: Attempt): string {
  if (attempt.reason === '') return '';
  return attempt.reason === 'hedge'
    ? ', hedging: the one before was slow'
    : `, since \`${attempt.reason}\` is retried`;
}

/** Detectors run inline on a result, so what it caused carries its time. */
function causedBy(event: CoreEvent, cluster: UpstreamCluster, info: StreamInfo, attempt: Attempt): boolean {
  if (event.kind !== 'host-ejected' && event.kind !== 'host-not-ejected') return false;
  if (event.host !== attempt.hostAddress || event.cluster !== cluster.config.name) return false;
  const result = attempt.firstByte >= 0 ? attempt.firstByte : attempt.lastByte;
  if (result < 0) return false;
  return Math.abs(event.at - (info.startWall + result - info.start)) <= 2;
}

function ejectionStep(event: CoreEvent, cluster: UpstreamCluster): DecisionStep {
  const ejected = event.kind === 'host-ejected';
  return step({
    kind: 'attempt',
    subject: ejected
      ? `${event.host} was ejected for ${durationText(event.duration)}`
      : `${event.host} was not ejected`,
    text: event.reason === '' ? event.text : event.reason,
    tone: ejected ? 'ejection' : 'neutral',
    source: cluster.config.outlier?.source ?? cluster.config.source,
  });
}

function attemptStep(info: StreamInfo, attempt: Attempt, index: number): DecisionStep {
  const narration = new Narration();
  const between = (from: number, to: number): string | null =>
    from < 0 || to < 0 ? null : durationText(to - from);
  const connect = between(attempt.connectStarted, attempt.connected);
  if (connect === null) narration.note('neutral', 'on a connection that was open already', null);
  else {
    const tls = between(attempt.connected, attempt.secured);
    narration.note(
      'neutral',
      `a new connection took ${connect}${tls === null ? '' : `, and TLS on it ${tls}`}`,
      null,
    );
  }
  const first = between(attempt.sentFirst, attempt.firstByte);
  if (first !== null) narration.note('neutral', `first byte of the answer after ${first}`, null);
  const failed = attempt.status >= 500 || attempt.status === 0;
  return step(
    {
      kind: 'attempt',
      subject: attempt.status > 0 ? String(attempt.status) : attempt.resetReason || 'given up',
      text: `from ${attempt.hostAddress}${info.attempts.length > 1 ? ` at try ${index + 1}` : ''}${attempt.transportFailureReason === '' ? '' : `: ${attempt.transportFailureReason}`}`,
      tone: failed ? 'bad' : 'good',
      at: micros(info, attempt.firstByte >= 0 ? attempt.firstByte : attempt.lastByte),
    },
    narration,
  );
}

function responseText(info: StreamInfo): string {
  const flags = info.responseFlags.length === 0 ? '' : `, flags ${info.responseFlags.join(',')}`;
  const who = info.localReply ? 'written by the proxy' : 'from upstream';
  return info.end < 0 ? 'still running' : `${who} after ${durationText(info.end - info.start)}${flags}`;
}

/** "200 from 127.0.0.1:7001 after one retry." */
export function recordedHeadline(info: StreamInfo): string {
  if (info.end < 0) return 'This request is still running.';
  if (info.responseCode === 0) return 'No answer was sent.';
  if (info.localReply || info.upstreamHost === '') return `${info.responseCode} written by the proxy.`;
  const retries = info.attempts.length - 1;
  const after =
    retries <= 0
      ? ''
      : ` after ${retries === 1 ? 'one retry' : plural(retries, 'retry').replace('retrys', 'retries')}`;
  return `${info.responseCode} from ${info.upstreamHost}${after}.`;
}

function micros(info: StreamInfo, at: number): number | null {
  return at < 0 ? null : Math.round((at - info.start) * 1000);
}
