import type { RequestHead, StreamInfo } from '../base/stream-info.ts';
import type { Decision } from '../facade/decision.ts';
import type { HttpConnectionManagerConfig } from '../http/connection-manager-config.ts';
import { criteriaFor } from '../http/router/host-choice.ts';
import {
  type ClusterAction,
  type ClusterChoice,
  hashRequest,
  type Route,
  type RouteInput,
  selectCluster,
  selectMirrors,
  virtualClusterOf,
} from '../route/index.ts';
import type { LoadBalancerContext, UpstreamCluster } from '../upstream/index.ts';
import { explainAttempts, recordedHeadline } from './explain-attempts.ts';
import { tellDraws } from './explain-draws.ts';
import { tellResponseHeaders, tellRewrite } from './explain-headers.ts';
import { tellInternalRedirect } from './explain-redirect.ts';
import { durationText, Narration, step } from './narration.ts';
import { finish, replyOf, type Telling } from './telling.ts';

export function tellUpstream(
  telling: Telling,
  http: HttpConnectionManagerConfig,
  route: Route,
  action: ClusterAction,
  input: RouteInput,
  info: StreamInfo,
): Decision {
  const { recorded, snapshot } = telling;
  const narration = new Narration();
  const choice = selectCluster(route, input, narration);
  const cluster = choice === null ? undefined : snapshot.clusters.get(choice.cluster);
  tellTimeouts(action, route, narration);
  tellCounted(route, input, narration);
  const hash = hashRequest(route, input.head, info, narration)?.hash ?? null;
  if (choice === null || cluster === undefined) {
    const name = choice?.cluster ?? 'none';
    narration.note(
      'bad',
      choice === null ? 'No cluster was found.' : `Cluster ${name} does not exist.`,
      route.source,
    );
    telling.steps.push(
      step(
        { kind: 'cluster', subject: name, text: 'is not defined', tone: 'bad', source: route.source },
        narration,
      ),
    );
    telling.outcome = {
      ...telling.outcome,
      cluster: choice?.cluster ?? null,
      localReply: { status: action.clusterNotFoundStatus, flags: 'NC', details: 'cluster_not_found' },
    };
    return finish(
      telling,
      `${action.clusterNotFoundStatus} written by the proxy.`,
      choice === null
        ? 'The route found no cluster.'
        : `Cluster ${name} is not defined. Give it with --cluster ${name}=HOST:PORT, or add it to the file.`,
    );
  }
  telling.steps.push(
    step(
      {
        kind: 'cluster',
        subject: choice.cluster,
        text: describeChoice(choice, action),
        source: cluster.config.source,
      },
      narration,
    ),
  );
  telling.outcome = { ...telling.outcome, cluster: choice.cluster };
  const head = tellRewrite(telling, route, choice, input.head, info);
  tellResponseHeaders(telling, route, choice, info);
  tellMirrors(telling, route, action, head, input);
  const context: LoadBalancerContext = {
    random: input.random,
    hash,
    attempt: 0,
    criteria: criteriaFor(action, choice, info),
    overrideHost: info.overrideHost ?? null,
    head,
    info,
  };
  if (recorded !== null) {
    explainAttempts(telling.steps, cluster, recorded, telling.events, context);
    tellInternalRedirect(telling, http, route, action, input, head, recorded);
    const host = recorded.upstreamHost === '' ? null : recorded.upstreamHost;
    telling.outcome = {
      ...telling.outcome,
      host,
      localReply: recorded.localReply ? replyOf(recorded) : null,
    };
    return finish(telling, recordedHeadline(recorded), recordedDetail(recorded));
  }
  const host = tellHost(telling, cluster, context);
  telling.outcome = { ...telling.outcome, host };
  if (host === null) {
    telling.outcome = {
      ...telling.outcome,
      localReply: { status: 503, flags: 'UH', details: 'no_healthy_upstream' },
    };
    return finish(telling, '503 written by the proxy.', `Cluster ${choice.cluster} has no host to send to.`);
  }
  return finish(
    telling,
    `${input.head.method} ${input.head.path} goes to ${choice.cluster}, host ${host}.`,
    `Route ${telling.outcome.route} of virtual host ${telling.outcome.virtualHost} takes it.`,
  );
}

function describeChoice(choice: ClusterChoice, action: ClusterAction): string {
  if (choice.weightedIndex >= 0) return `won the draw among ${action.clusterNames.length} weighted clusters`;
  return action.clusterSpecifier.kind === 'header' ? 'named by a request header' : 'named by the route';
}

function tellTimeouts(action: ClusterAction, route: Route, narration: Narration): void {
  const retry = action.retryPolicy;
  const parts = [action.timeout === 0 ? 'No timeout' : `Timeout ${durationText(action.timeout)}`];
  if (retry !== null) {
    if (retry.perTryTimeout > 0) parts.push(`${durationText(retry.perTryTimeout)} per try`);
    const words = [...retry.on].join(', ');
    if (action.hedgeOnPerTryTimeout) parts.push('a slow try stays alive beside the next one');
    parts.push(`up to ${retry.numRetries === 1 ? '1 retry' : `${retry.numRetries} retries`} on ${words}`);
  }
  narration.note('neutral', parts.join(', '), retry?.source ?? route.source);
}

/** Where else the request is counted. */
function tellCounted(route: Route, input: RouteInput, narration: Narration): void {
  const name = virtualClusterOf(route.virtualHost, input.head);
  if (name !== null) narration.note('neutral', `counted as virtual cluster \`${name}\``, route.source);
  if (route.statPrefix !== '') narration.note('neutral', `counted as \`${route.statPrefix}\``, route.source);
}

/** The clusters that get a copy, or would get one. */
function tellMirrors(
  telling: Telling,
  route: Route,
  action: ClusterAction,
  head: RequestHead,
  input: RouteInput,
): void {
  if (action.mirrorPolicies.length === 0) return;
  const narration = new Narration();
  const mirrors = selectMirrors(action, head, input, narration);
  const sent = mirrors.filter((each) => telling.snapshot.clusters.get(each.cluster) !== undefined);
  telling.steps.push(
    step(
      {
        kind: 'cluster',
        subject: sent.length === 0 ? 'no copy' : sent.map((each) => each.cluster).join(', '),
        text: sent.length === 0 ? 'is sent to a shadow cluster' : 'gets a copy; its answer is dropped',
        source: mirrors[0]?.policy.source ?? route.source,
      },
      narration,
    ),
  );
}

function tellHost(telling: Telling, cluster: UpstreamCluster, context: LoadBalancerContext): string | null {
  const narration = new Narration();
  const host = cluster.explainChoice(context, narration);
  if (telling.draws > 0) telling.distribution = tellDraws(cluster, context, telling.draws, narration);
  telling.steps.push(
    step(
      {
        kind: 'load-balancing',
        subject: host?.address ?? 'none',
        text: host === null ? 'no host can be picked' : `by ${cluster.config.lbPolicy}`,
        tone: host === null ? 'bad' : 'good',
        source: cluster.config.source,
      },
      narration,
    ),
  );
  return host?.address ?? null;
}

function recordedDetail(info: StreamInfo): string {
  const failed = info.attempts.slice(0, -1).filter((each) => each.status >= 500 || each.resetReason !== '');
  if (failed.length === 0) return '';
  return failed
    .map(
      (each) =>
        `${each.hostAddress} ${each.status > 0 ? `answered ${each.status}` : `failed: ${each.resetReason}`}.`,
    )
    .join(' ');
}
