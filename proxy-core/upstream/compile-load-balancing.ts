import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { ClientSideWeightsConfig, LoadBalancingConfig, SubsetConfig } from './cluster-config.ts';
import { runtimeNumber } from './compile-outlier.ts';
import { readLeastRequest, readMaglev, readRingHash, readSlowStart } from './compile-policy.ts';
import { readSubset } from './compile-subset.ts';
import { readZoneAware } from './compile-zone-aware.ts';
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

const PACKAGE = 'envoy.extensions.load_balancing_policies';

/** `load_balancing_policy` extensions that end in a policy of ours. */
const EXTENSIONS: ReadonlyMap<string, PolicyName> = new Map([
  [`${PACKAGE}.round_robin.v3.RoundRobin`, 'ROUND_ROBIN'],
  [`${PACKAGE}.least_request.v3.LeastRequest`, 'LEAST_REQUEST'],
  [`${PACKAGE}.random.v3.Random`, 'RANDOM'],
  [`${PACKAGE}.ring_hash.v3.RingHash`, 'RING_HASH'],
  [`${PACKAGE}.maglev.v3.Maglev`, 'MAGLEV'],
] as const);
const SUBSET = `${PACKAGE}.subset.v3.Subset`;
const WRR_LOCALITY = `${PACKAGE}.wrr_locality.v3.WrrLocality`;
const CLIENT_SIDE = `${PACKAGE}.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`;
const CLUSTER_PROVIDED = `${PACKAGE}.cluster_provided.v3.ClusterProvided`;

/** The policy, and the messages that hold its settings. */
interface Selected {
  readonly policy: PolicyName;
  readonly settings: MessageReader | undefined;
  /** Where localities and hashing are spoken of. */
  readonly locality: MessageReader | undefined;
  readonly hashing: MessageReader | undefined;
  readonly subset: SubsetConfig | null;
  /** `wrr_locality` weighs localities without being told. */
  readonly localityWeighted?: true;
  readonly clientSideWeights?: ClientSideWeightsConfig;
}

/** Reads the load balancing policy with its settings and `common_lb_config`. Null when an error was reported. */
export function compileLoadBalancing(
  cluster: MessageReader,
  ctx: CompileContext,
  name: string,
  type: ClusterConfig['type'],
): LoadBalancingConfig | null {
  const common = cluster.message('common_lb_config');
  const selected = cluster.has('load_balancing_policy')
    ? fromExtension(cluster, ctx, name, type)
    : fromEnum(cluster, common, ctx, name, type);
  if (selected === null) return null;
  const { policy, settings, locality, hashing } = selected;
  const useHostname =
    hashing?.bool('use_hostname_for_hashing') ??
    (policy === 'RING_HASH' && cluster.has('load_balancing_policy')
      ? settings?.bool('use_hostname_for_hashing')
      : undefined) ??
    false;
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
  const zoneAware = locality?.message('zone_aware_lb_config');
  const localityWeighted =
    selected.localityWeighted ?? locality?.message('locality_weighted_lb_config') !== undefined;
  const schedules = policy === 'ROUND_ROBIN' || policy === 'LEAST_REQUEST';
  return {
    policy,
    panicThreshold: panicThreshold(common, ctx),
    failTrafficOnPanic: zoneAware?.bool('fail_traffic_on_panic') ?? false,
    localityWeighted,
    overprovisioningFactor: 140,
    weightedPriorityHealth: false,
    updateMergeWindow: common?.duration('update_merge_window') ?? 1000,
    leastRequest: readLeastRequest(policy === 'LEAST_REQUEST' ? settings : undefined),
    ringHash: readRingHash(policy === 'RING_HASH' ? settings : undefined, ctx),
    maglevTableSize: readMaglev(policy === 'MAGLEV' ? settings : undefined, ctx),
    useHostnameForHashing: useHostname,
    hashBalanceFactor: hashing?.number('hash_balance_factor') ?? 0,
    slowStart: schedules && selected.clientSideWeights === undefined ? readSlowStart(settings) : null,
    subset: selected.subset,
    zoneAware: localityWeighted ? null : readZoneAware(zoneAware, ctx, name),
    clientSideWeights: selected.clientSideWeights ?? null,
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

/** Types that find their hosts themselves. */
function providesBalancer(type: ClusterConfig['type']): boolean {
  return type === 'ORIGINAL_DST' || type === 'AGGREGATE' || type === 'DYNAMIC_FORWARD_PROXY';
}

const PROVIDED: Selected = {
  policy: 'ROUND_ROBIN',
  settings: undefined,
  locality: undefined,
  hashing: undefined,
  subset: null,
};

function fromEnum(
  cluster: MessageReader,
  common: MessageReader | undefined,
  ctx: CompileContext,
  name: string,
  type: ClusterConfig['type'],
): Selected | null {
  const policy = cluster.enumeration('lb_policy') ?? 'ROUND_ROBIN';
  if (policy === 'CLUSTER_PROVIDED') return clusterProvided(cluster, ctx, 'lb_policy', name, type);
  if (type === 'ORIGINAL_DST') {
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
  if (providesBalancer(type)) {
    ctx.report(
      'error',
      'cluster.lb-policy-provided',
      cluster,
      'lb_policy',
      `Cluster ${name} finds its hosts itself: it takes lb_policy CLUSTER_PROVIDED only, not ${policy}.`,
      { expected: 'CLUSTER_PROVIDED' },
    );
    return null;
  }
  const subset = readSubset(cluster.message('lb_subset_config'), ctx);
  const hashing = common?.message('consistent_hashing_lb_config');
  const rest = { locality: common, hashing, subset };
  if (!POLICIES.has(policy)) {
    notEmulated(cluster, ctx, 'lb_policy', policy);
    return { policy: 'ROUND_ROBIN', settings: undefined, ...rest };
  }
  const field = `${policy.toLowerCase()}_lb_config`;
  // Settings of another policy stay unread, and so become notices. RANDOM has none.
  const settings = policy === 'RANDOM' ? undefined : cluster.message(field);
  return { policy: policy as PolicyName, settings, ...rest };
}

function clusterProvided(
  cluster: MessageReader,
  ctx: CompileContext,
  field: string,
  name: string,
  type: ClusterConfig['type'],
): Selected | null {
  if (cluster.has('lb_subset_config')) {
    ctx.report(
      'error',
      'cluster.lb-policy-with-subsets',
      cluster,
      'lb_subset_config',
      'cluster: LB policy CLUSTER_PROVIDED cannot be combined with lb_subset_config',
    );
    return null;
  }
  if (providesBalancer(type) || cluster.has('cluster_type')) return PROVIDED;
  ctx.report(
    'error',
    'cluster.lb-policy-not-provided',
    cluster,
    field,
    `Cluster ${name} asks for the load balancer that its type provides, and type ${type} provides none.`,
  );
  return null;
}

/** The first policy of the list that is known, as Envoy takes it. */
function fromExtension(
  cluster: MessageReader,
  ctx: CompileContext,
  name: string,
  type: ClusterConfig['type'],
): Selected | null {
  const list = cluster.message('load_balancing_policy');
  if (firstType(list) === CLUSTER_PROVIDED) {
    takeFirst(list);
    return clusterProvided(cluster, ctx, 'load_balancing_policy', name, type);
  }
  const selected = fromList(list, ctx);
  if (selected !== null) return selected;
  const names = entriesOf(list).map((entry) => entry.string('name') ?? '');
  ctx.report(
    'error',
    'cluster.lb-policy-unknown',
    cluster,
    'load_balancing_policy',
    `cluster: didn't find a registered load balancer factory implementation for cluster: '${name}' with names from [${names.join(', ')}]`,
    { expected: 'a policy such as envoy.load_balancing_policies.round_robin' },
  );
  return null;
}

function entriesOf(list: MessageReader | undefined): MessageReader[] {
  return (list?.messages('policies') ?? []).flatMap((entry) => entry.message('typed_extension_config') ?? []);
}

function firstType(list: MessageReader | undefined): string | undefined {
  return entriesOf(list)[0]?.message('typed_config')?.type;
}

function takeFirst(list: MessageReader | undefined): void {
  entriesOf(list)[0]?.acknowledge('name', 'typed_config');
}

/** `envoy.config.cluster.v3.LoadBalancingPolicy`, also as policies hold others inside. */
function fromList(list: MessageReader | undefined, ctx: CompileContext): Selected | null {
  for (const entry of entriesOf(list)) {
    entry.acknowledge('name');
    const settings = entry.message('typed_config');
    if (settings === undefined) continue;
    const policy = EXTENSIONS.get(settings.type);
    if (policy !== undefined) return ofPolicy(policy, settings);
    switch (settings.type) {
      case SUBSET: {
        settings.acknowledge('allow_redundant_keys');
        const inner = fromList(settings.message('subset_lb_policy'), ctx);
        return inner === null ? null : { ...inner, subset: readSubset(settings, ctx) };
      }
      case WRR_LOCALITY: {
        const inner = fromList(settings.message('endpoint_picking_policy'), ctx);
        return inner === null ? null : { ...inner, localityWeighted: true };
      }
      case CLIENT_SIDE:
        return { ...ofPolicy('ROUND_ROBIN', settings), clientSideWeights: readClientSide(settings) };
      default:
        break;
    }
  }
  return null;
}

function ofPolicy(policy: PolicyName, settings: MessageReader): Selected {
  const hashed = policy === 'RING_HASH' || policy === 'MAGLEV';
  const has = settings.type.endsWith('ClientSideWeightedRoundRobin') ? undefined : settings;
  return {
    policy,
    settings,
    locality: hashed ? has : has?.message('locality_lb_config'),
    hashing: hashed ? has?.message('consistent_hashing_lb_config') : undefined,
    subset: null,
  };
}

/** Reports come with the answers; `enable_oob_load_report` stays unread, and so becomes a notice. */
function readClientSide(reader: MessageReader): ClientSideWeightsConfig {
  return {
    blackoutPeriod: reader.duration('blackout_period') ?? 10_000,
    weightExpirationPeriod: reader.duration('weight_expiration_period') ?? 180_000,
    weightUpdatePeriod: Math.max(100, reader.duration('weight_update_period') ?? 1000),
    errorUtilizationPenalty: reader.number('error_utilization_penalty') ?? 1,
  };
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
