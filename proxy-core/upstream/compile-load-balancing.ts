import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { LoadBalancingConfig } from './cluster-config.ts';
import { runtimeNumber } from './compile-outlier.ts';
import type { ClusterConfig } from './types.ts';

const POLICIES: ReadonlySet<string> = new Set([
  'ROUND_ROBIN',
  'LEAST_REQUEST',
  'RANDOM',
  'RING_HASH',
  'MAGLEV',
]);
const MAX_RING_SIZE = 8 * 1024 * 1024;

/** Reads `lb_policy` with its settings and `common_lb_config`. Null when an error was reported. */
export function compileLoadBalancing(
  cluster: MessageReader,
  ctx: CompileContext,
  name: string,
  type: ClusterConfig['type'],
): LoadBalancingConfig | null {
  const policy = cluster.enumeration('lb_policy') ?? 'ROUND_ROBIN';
  if (!isPolicyAllowed(cluster, ctx, name, type, policy)) return null;
  const common = cluster.message('common_lb_config');
  const zoneAware = common?.message('zone_aware_lb_config');
  const hashing = common?.message('consistent_hashing_lb_config');
  const panicThreshold =
    runtimeNumber(ctx, 'upstream.healthy_panic_threshold') ??
    common?.message('healthy_panic_threshold')?.number('value') ??
    50;
  const useHostname = hashing?.bool('use_hostname_for_hashing') ?? false;
  if (useHostname && type === 'STATIC' && hashing !== undefined) {
    ctx.report(
      'error',
      'cluster.hostname-hashing-static',
      hashing,
      'use_hostname_for_hashing',
      `Cluster ${name} is STATIC: its hosts have no resolved names to hash. Leave use_hostname_for_hashing out.`,
    );
  }
  const assignmentPolicy = cluster.message('load_assignment')?.message('policy');
  return {
    policy: (POLICIES.has(policy) ? policy : 'ROUND_ROBIN') as LoadBalancingConfig['policy'],
    panicThreshold: Math.min(100, Math.floor(panicThreshold)),
    failTrafficOnPanic: zoneAware?.bool('fail_traffic_on_panic') ?? false,
    localityWeighted: common?.message('locality_weighted_lb_config') !== undefined,
    overprovisioningFactor: assignmentPolicy?.number('overprovisioning_factor') ?? 140,
    weightedPriorityHealth: assignmentPolicy?.bool('weighted_priority_health') ?? false,
    updateMergeWindow: common?.duration('update_merge_window') ?? 1000,
    leastRequest: readLeastRequest(cluster, policy),
    ringHash: readRingHash(cluster, ctx, policy),
    maglevTableSize: readMaglev(cluster, ctx, policy),
    useHostnameForHashing: useHostname,
  };
}

function isPolicyAllowed(
  cluster: MessageReader,
  ctx: CompileContext,
  name: string,
  type: ClusterConfig['type'],
  policy: string,
): boolean {
  if (type === 'ORIGINAL_DST' && policy !== 'CLUSTER_PROVIDED') {
    ctx.report(
      'error',
      'cluster.lb-policy-for-original-dst',
      cluster,
      'lb_policy',
      `Cluster ${name} is of type ORIGINAL_DST, which takes lb_policy CLUSTER_PROVIDED only, not ${policy}.`,
      { expected: 'CLUSTER_PROVIDED' },
    );
    return false;
  }
  if (policy === 'CLUSTER_PROVIDED' && type !== 'ORIGINAL_DST' && !cluster.has('cluster_type')) {
    ctx.report(
      'error',
      'cluster.lb-policy-not-provided',
      cluster,
      'lb_policy',
      `Cluster ${name} asks for the load balancer that its type provides, and type ${type} provides none.`,
    );
    return false;
  }
  if (!POLICIES.has(policy) && policy !== 'CLUSTER_PROVIDED') {
    ctx.report(
      'notice',
      'cluster.lb-policy-not-emulated',
      cluster,
      'lb_policy',
      `Load balancing by ${policy} is not emulated here: ROUND_ROBIN is used.`,
    );
  }
  return true;
}

function readLeastRequest(cluster: MessageReader, policy: string): LoadBalancingConfig['leastRequest'] {
  const reader = policy === 'LEAST_REQUEST' ? cluster.message('least_request_lb_config') : undefined;
  return {
    choiceCount: reader?.number('choice_count') ?? 2,
    activeRequestBias: reader?.message('active_request_bias')?.number('default_value') ?? 1,
    fullScan: reader?.enumeration('selection_method') === 'FULL_SCAN',
  };
}

function readRingHash(
  cluster: MessageReader,
  ctx: CompileContext,
  policy: string,
): LoadBalancingConfig['ringHash'] {
  const reader = policy === 'RING_HASH' ? cluster.message('ring_hash_lb_config') : undefined;
  const minimumSize = reader?.number('minimum_ring_size') ?? 1024;
  const maximumSize = reader?.number('maximum_ring_size') ?? MAX_RING_SIZE;
  if (reader !== undefined && minimumSize > maximumSize) {
    ctx.report(
      'error',
      'cluster.ring-size',
      reader,
      'minimum_ring_size',
      `minimum_ring_size (${minimumSize}) is above maximum_ring_size (${maximumSize}).`,
    );
  }
  if (reader?.enumeration('hash_function') === 'MURMUR_HASH_2') {
    ctx.report(
      'notice',
      'cluster.hash-function-not-emulated',
      reader,
      'hash_function',
      'MURMUR_HASH_2 is not emulated: XX_HASH is used, so requests fall on other hosts.',
    );
  }
  return { minimumSize, maximumSize };
}

function readMaglev(cluster: MessageReader, ctx: CompileContext, policy: string): number {
  const reader = policy === 'MAGLEV' ? cluster.message('maglev_lb_config') : undefined;
  const size = reader?.number('table_size') ?? 65537;
  if (reader !== undefined && !isPrime(size)) {
    ctx.report(
      'error',
      'cluster.maglev-table-size',
      reader,
      'table_size',
      `The size of a Maglev table must be a prime number; ${size} is not.`,
    );
    return 65537;
  }
  return size;
}

function isPrime(n: number): boolean {
  if (n < 2) return false;
  for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
  return true;
}
