import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { LoadBalancingConfig } from './cluster-config.ts';
import { runtimeNumber } from './compile-outlier.ts';
import { DEFAULT_OVERRIDE_STATUS, type HostStatus } from './load-balancer/override-host.ts';
import type { ClusterConfig } from './types.ts';

type PolicyName = LoadBalancingConfig['policy'];

const POLICIES: ReadonlySet<string> = new Set([
  'ROUND_ROBIN',
  'LEAST_REQUEST',
  'RANDOM',
  'RING_HASH',
  'MAGLEV',
]);

/** `load_balancing_policy` extensions by the last part of their type. */
const EXTENSIONS: ReadonlyMap<string, PolicyName> = new Map([
  ['envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin', 'ROUND_ROBIN'],
  ['envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest', 'LEAST_REQUEST'],
  ['envoy.extensions.load_balancing_policies.random.v3.Random', 'RANDOM'],
  ['envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash', 'RING_HASH'],
  ['envoy.extensions.load_balancing_policies.maglev.v3.Maglev', 'MAGLEV'],
]);

const MAX_RING_SIZE = 8 * 1024 * 1024;

/** The policy, and the message that holds its settings. */
interface Selected {
  readonly policy: PolicyName;
  readonly settings: MessageReader | undefined;
}

/** Reads the load balancing policy with its settings and `common_lb_config`. Null when an error was reported. */
export function compileLoadBalancing(
  cluster: MessageReader,
  ctx: CompileContext,
  name: string,
  type: ClusterConfig['type'],
): LoadBalancingConfig | null {
  const selected = cluster.has('load_balancing_policy')
    ? fromExtension(cluster, ctx)
    : fromEnum(cluster, ctx, name, type);
  if (selected === null) return null;
  const { policy, settings } = selected;
  const common = cluster.message('common_lb_config');
  const hashing = common?.message('consistent_hashing_lb_config');
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
  const overrideStatus = common?.message('override_host_status');
  const assignmentPolicy = cluster.message('load_assignment')?.message('policy');
  return {
    policy,
    panicThreshold: panicThreshold(common, ctx),
    failTrafficOnPanic: common?.message('zone_aware_lb_config')?.bool('fail_traffic_on_panic') ?? false,
    localityWeighted: common?.message('locality_weighted_lb_config') !== undefined,
    overprovisioningFactor: assignmentPolicy?.number('overprovisioning_factor') ?? 140,
    weightedPriorityHealth: assignmentPolicy?.bool('weighted_priority_health') ?? false,
    updateMergeWindow: common?.duration('update_merge_window') ?? 1000,
    leastRequest: readLeastRequest(policy === 'LEAST_REQUEST' ? settings : undefined),
    ringHash: readRingHash(policy === 'RING_HASH' ? settings : undefined, ctx),
    maglevTableSize: readMaglev(policy === 'MAGLEV' ? settings : undefined, ctx),
    useHostnameForHashing: useHostname,
    overrideHostStatus:
      overrideStatus === undefined
        ? DEFAULT_OVERRIDE_STATUS
        : new Set(overrideStatus.enumerations('statuses') as HostStatus[]),
  };
}

function panicThreshold(common: MessageReader | undefined, ctx: CompileContext): number {
  const percent =
    runtimeNumber(ctx, 'upstream.healthy_panic_threshold') ??
    common?.message('healthy_panic_threshold')?.number('value') ??
    50;
  return Math.min(100, Math.floor(percent));
}

function fromEnum(
  cluster: MessageReader,
  ctx: CompileContext,
  name: string,
  type: ClusterConfig['type'],
): Selected | null {
  const policy = cluster.enumeration('lb_policy') ?? 'ROUND_ROBIN';
  if (type === 'ORIGINAL_DST' && policy !== 'CLUSTER_PROVIDED') {
    ctx.report(
      'error',
      'cluster.lb-policy-for-original-dst',
      cluster,
      'lb_policy',
      `Cluster ${name} is of type ORIGINAL_DST, which takes lb_policy CLUSTER_PROVIDED only, not ${policy}.`,
      { expected: 'CLUSTER_PROVIDED' },
    );
    return null;
  }
  if (policy === 'CLUSTER_PROVIDED') {
    if (type === 'ORIGINAL_DST' || cluster.has('cluster_type')) {
      return { policy: 'ROUND_ROBIN', settings: undefined };
    }
    ctx.report(
      'error',
      'cluster.lb-policy-not-provided',
      cluster,
      'lb_policy',
      `Cluster ${name} asks for the load balancer that its type provides, and type ${type} provides none.`,
    );
    return null;
  }
  if (!POLICIES.has(policy)) {
    notEmulated(cluster, ctx, 'lb_policy', policy);
    return { policy: 'ROUND_ROBIN', settings: undefined };
  }
  const field = `${policy.toLowerCase()}_lb_config`;
  // Settings of another policy stay unread, and so become notices. RANDOM has none.
  return {
    policy: policy as PolicyName,
    settings: policy === 'RANDOM' ? undefined : cluster.message(field),
  };
}

/** The first policy of the list that is known, as Envoy takes it. */
function fromExtension(cluster: MessageReader, ctx: CompileContext): Selected | null {
  const list = cluster.message('load_balancing_policy');
  const policies = list?.messages('policies') ?? [];
  for (const entry of policies) {
    const settings = entry.message('typed_extension_config')?.message('typed_config');
    const policy = settings === undefined ? undefined : EXTENSIONS.get(settings.type);
    if (policy !== undefined) return { policy, settings };
  }
  const first = policies[0]?.message('typed_extension_config');
  const word = first?.message('typed_config')?.type ?? 'an empty load_balancing_policy';
  notEmulated(cluster, ctx, 'load_balancing_policy', word);
  return { policy: 'ROUND_ROBIN', settings: undefined };
}

function notEmulated(cluster: MessageReader, ctx: CompileContext, field: string, policy: string): void {
  ctx.report(
    'notice',
    'cluster.lb-policy-not-emulated',
    cluster,
    field,
    `Load balancing by ${policy} is not emulated here: ROUND_ROBIN is used.`,
  );
}

function readLeastRequest(reader: MessageReader | undefined): LoadBalancingConfig['leastRequest'] {
  return {
    choiceCount: reader?.number('choice_count') ?? 2,
    activeRequestBias: reader?.message('active_request_bias')?.number('default_value') ?? 1,
    fullScan:
      reader?.has('selection_method') === true && reader.enumeration('selection_method') === 'FULL_SCAN',
  };
}

function readRingHash(
  reader: MessageReader | undefined,
  ctx: CompileContext,
): LoadBalancingConfig['ringHash'] {
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

function readMaglev(reader: MessageReader | undefined, ctx: CompileContext): number {
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
