import type { RequestHead } from '../base/stream-info.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { MessageReader } from '../config/reader.ts';
import type { Narrator } from '../facade/decision.ts';
import { requestHeader } from './formatter/operators-headers.ts';
import { compileFraction, effectiveFraction, type Fraction } from './fraction.ts';
import type { ClusterAction, RouteInput } from './types.ts';

/** One of `request_mirror_policies`. */
export interface MirrorPolicy {
  readonly cluster: string;
  /** In lower case; empty = `cluster` names it. */
  readonly clusterHeader: string;
  /** Null: every request. */
  readonly fraction: Fraction | null;
  readonly appendShadowSuffix: boolean;
  readonly source: SourceRange;
}

/** `request_mirror_policies` of a route, a virtual host or a route configuration. */
export function compileMirrorPolicies(
  reader: MessageReader,
  ctx: CompileContext,
  validateClusters: boolean,
): MirrorPolicy[] {
  return reader.messages('request_mirror_policies').map((policy) => {
    const cluster = policy.string('cluster') ?? '';
    const clusterHeader = policy.string('cluster_header') ?? '';
    if (cluster !== '' && clusterHeader !== '') {
      ctx.report(
        'error',
        'route.mirror',
        policy,
        'cluster_header',
        `Only one of cluster '${cluster}' or cluster_header '${clusterHeader}' in request mirror policy can be specified`,
      );
    } else if (cluster === '' && clusterHeader === '') {
      ctx.report(
        'error',
        'route.mirror',
        policy,
        '',
        'Exactly one of cluster or cluster_header in request mirror policy need to be specified',
      );
    }
    if (cluster !== '' && validateClusters && !ctx.clusterNames.has(cluster)) {
      ctx.report(
        'error',
        'route.unknown-cluster',
        policy,
        'cluster',
        `route: unknown shadow cluster '${cluster}'`,
      );
    }
    // It only decides whether the mirrored request is traced, and nothing is traced here.
    policy.acknowledge('trace_sampled');
    const fraction = policy.message('runtime_fraction');
    return {
      cluster,
      clusterHeader: clusterHeader.toLowerCase(),
      fraction: fraction === undefined ? null : compileFraction(fraction, ctx),
      appendShadowSuffix: !(policy.bool('disable_shadow_host_suffix_append') ?? false),
      source: policy.range,
    };
  });
}

/** A copy of the request that is to be sent. */
export interface Mirror {
  readonly cluster: string;
  readonly policy: MirrorPolicy;
}

const NONE: readonly Mirror[] = [];

/**
 * Where copies of a request go: each policy whose fraction takes the request's draw (Envoy: Router::Filter's
 * active_shadow_policies_). CONNECT is never mirrored. `head`: as it goes upstream; a header may name the cluster.
 */
export function selectMirrors(
  action: ClusterAction,
  head: RequestHead,
  input: Pick<RouteInput, 'random' | 'runtime'>,
  narrator: Narrator | null = null,
): readonly Mirror[] {
  if (action.mirrorPolicies.length === 0 || head.method === 'CONNECT') return NONE;
  const mirrors: Mirror[] = [];
  for (const policy of action.mirrorPolicies) {
    const name = policy.clusterHeader === '' ? policy.cluster : requestHeader(head, policy.clusterHeader);
    const to = name === undefined || name === '' ? 'no cluster' : `\`${name}\``;
    if (policy.fraction !== null) {
      const { numerator, denominator } = effectiveFraction(policy.fraction, input.runtime);
      const draw = input.random % denominator;
      const hits = draw < numerator;
      narrator?.note(
        'neutral',
        `${hits ? 'mirrored' : 'not mirrored'} to ${to}: the draw was ${draw}, below ${numerator} of ${denominator} wanted`,
        policy.source,
      );
      if (!hits) continue;
    } else {
      narrator?.note(
        'neutral',
        name === undefined || name === ''
          ? `not mirrored: header \`${policy.clusterHeader}\`, which names the cluster, is missing`
          : `mirrored to ${to}`,
        policy.source,
      );
    }
    if (name !== undefined && name !== '') mirrors.push({ cluster: name, policy });
  }
  return mirrors;
}

/** `x.test` → `x.test-shadow`, `x.test:8080` → `x.test-shadow:8080` (Envoy: ShadowWriterImpl). */
export function shadowAuthority(authority: string): string {
  const colon = authority.lastIndexOf(':');
  if (colon < 0 || colon < authority.lastIndexOf(']')) return `${authority}-shadow`;
  return `${authority.slice(0, colon)}-shadow${authority.slice(colon)}`;
}
