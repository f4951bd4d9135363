import { assertNever } from '../base/errors.ts';
import type { RequestHead, StreamInfo } from '../base/stream-info.ts';
import type { Narrator } from '../facade/decision.ts';
import { requestHeader } from './formatter/operators-headers.ts';
import { matchesHeader } from './header-matcher.ts';
import type { Metadata } from './metadata-matcher.ts';
import { matchesQuery } from './query-matcher.ts';
import type { MetadataPath, RateLimitAction, RateLimitPolicy } from './rate-limit.ts';
import { pathView } from './route-match.ts';
import type { Route } from './types.ts';

/** What a request is counted under. */
export interface RateLimitDescriptor {
  readonly entries: readonly DescriptorEntry[];
  /** Another limit than the service's own. */
  readonly limit: RateLimitOverride | null;
}

export interface DescriptorEntry {
  readonly key: string;
  readonly value: string;
}

export interface RateLimitOverride {
  readonly requestsPerUnit: number;
  /** `SECOND`, `MINUTE`, `HOUR`, `DAY`, `MONTH`, `YEAR`. */
  readonly unit: RateLimitUnit;
}

/** In the order of `envoy.type.v3.RateLimitUnit`. */
export const RATE_LIMIT_UNITS = ['UNKNOWN', 'SECOND', 'MINUTE', 'HOUR', 'DAY', 'MONTH', 'YEAR'] as const;
export type RateLimitUnit = (typeof RATE_LIMIT_UNITS)[number];

/** What descriptors are made of. */
export interface RateLimitInput {
  readonly head: RequestHead;
  readonly info: StreamInfo;
  readonly route: Route | null;
  /** Cluster that the route leads to. */
  readonly cluster: string;
  /** `--service-cluster` */
  readonly serviceCluster: string;
  readonly runtime: ReadonlyMap<string, unknown>;
  /** For runtime switches given in per cent: a draw in [0, 2^53). */
  readonly random: number;
}

/** Whether the policies of the virtual host count (`vh_rate_limits` of a filter's settings). */
export type VirtualHostLimits = 'OVERRIDE' | 'INCLUDE' | 'IGNORE';

/** The lists of policies that hold for a route: its own, its virtual host's, or both. */
export function countedPolicies(
  route: Route,
  virtualHost: VirtualHostLimits,
): (readonly RateLimitPolicy[])[] {
  if (route.action.kind !== 'cluster') return [];
  const own = route.action.rateLimits;
  const outer = route.virtualHost.rateLimits;
  if (route.action.includeVirtualHostRateLimits) return [own, outer];
  switch (virtualHost) {
    case 'INCLUDE':
      return [own, outer];
    case 'IGNORE':
      return [own];
    case 'OVERRIDE':
      return own.length === 0 ? [outer] : [own];
  }
}

/** The descriptors that the policies of one stage make of a request, in order (Envoy: populateDescriptors). */
export function rateLimitDescriptors(
  policies: readonly RateLimitPolicy[],
  stage: number,
  input: RateLimitInput,
  narrator: Narrator | null,
): RateLimitDescriptor[] {
  const descriptors: RateLimitDescriptor[] = [];
  for (const policy of policies) {
    if (policy.stage !== stage) continue;
    const { disableKey } = policy;
    if (disableKey !== '' && !switchedOn(`ratelimit.${disableKey}.http_filter_enabled`, input)) {
      narrator?.note('neutral', `disable_key \`${disableKey}\` is switched off`, policy.source);
      continue;
    }
    const descriptor = describe(policy, input, narrator);
    if (descriptor !== null) descriptors.push(descriptor);
  }
  return descriptors;
}

/** A runtime feature in per cent, on when it is not set (Envoy: featureEnabled(key, 100)). */
export function switchedOn(
  key: string,
  { runtime, random }: Pick<RateLimitInput, 'runtime' | 'random'>,
): boolean {
  const value = runtime.get(key);
  return typeof value !== 'number' || random % 100 < value;
}

function describe(
  policy: RateLimitPolicy,
  input: RateLimitInput,
  narrator: Narrator | null,
): RateLimitDescriptor | null {
  const entries: DescriptorEntry[] = [];
  for (const action of policy.actions) {
    const entry = entryOf(action, input);
    if (entry === null) {
      narrator?.note('neutral', `no descriptor: ${missingText(action)}`, policy.source);
      return null;
    }
    if (entry !== 'skip') entries.push(entry);
  }
  const override = policy.limit === null ? undefined : valueAt(policy.limit, input.info.dynamicMetadata);
  const descriptor = { entries, limit: overrideOf(override) };
  narrator?.note('neutral', `descriptor ${descriptorText(descriptor)}`, policy.source);
  return descriptor;
}

/** `skip`: no entry, and the descriptor is made all the same; null: it is not made. */
function entryOf(action: RateLimitAction, input: RateLimitInput): DescriptorEntry | 'skip' | null {
  switch (action.kind) {
    case 'never':
      return null;
    case 'source-cluster':
      return { key: 'source_cluster', value: input.serviceCluster };
    case 'destination-cluster':
      return { key: 'destination_cluster', value: input.cluster };
    case 'generic-key':
      return { key: action.key, value: action.value };
    case 'remote-address': {
      const { ip, port } = input.info.remote;
      return port < 0 ? null : { key: 'remote_address', value: ip };
    }
    case 'masked-remote-address': {
      const { ip, port } = input.info.remote;
      if (port < 0) return null;
      return { key: 'masked_remote_address', value: maskedAddress(ip, action.v4Bits, action.v6Bits) };
    }
    case 'request-header': {
      const value = requestHeader(input.head, action.header);
      if (value !== undefined) return { key: action.key, value };
      return action.skipIfAbsent ? 'skip' : null;
    }
    case 'header-match': {
      const matched = action.headers.every((header) => matchesHeader(header, input.head));
      return matched === action.expectMatch ? { key: action.key, value: action.value } : null;
    }
    case 'query-match': {
      const { query } = pathView(input.head.path, false);
      const matched = action.parameters.every((parameter) => matchesQuery(parameter, query));
      return matched === action.expectMatch ? { key: action.key, value: action.value } : null;
    }
    case 'metadata': {
      const metadata = action.ofRoute ? (input.route?.metadata ?? null) : input.info.dynamicMetadata;
      const found = valueAt(action.metadata, metadata);
      const value = typeof found === 'string' && found !== '' ? found : action.defaultValue;
      if (value !== '') return { key: action.key, value };
      return action.skipIfAbsent ? 'skip' : null;
    }
    default:
      return assertNever(action);
  }
}

function missingText(action: RateLimitAction): string {
  switch (action.kind) {
    case 'request-header':
      return `header \`${action.header}\` is missing`;
    case 'header-match':
      return `the headers do ${action.expectMatch ? 'not ' : ''}match \`${action.value}\``;
    case 'query-match':
      return `the query does ${action.expectMatch ? 'not ' : ''}match \`${action.value}\``;
    case 'metadata':
      return `metadata \`${[action.metadata.namespace, ...action.metadata.path].join(':')}\` is not set`;
    case 'remote-address':
    case 'masked-remote-address':
      return 'the client has no IP address';
    default:
      return 'its action is not emulated';
  }
}

/** ``(remote_address, 10.0.0.1), (path, /a)`` */
export function descriptorText({ entries, limit }: RateLimitDescriptor): string {
  const text = entries.map(({ key, value }) => `(\`${key}\`, \`${value}\`)`).join(', ');
  const own = limit === null ? '' : ` with ${limit.requestsPerUnit} per ${limit.unit.toLowerCase()}`;
  return `${text === '' ? 'without entries' : text}${own}`;
}

function valueAt({ namespace, path }: MetadataPath, metadata: Metadata | null): unknown {
  let value: unknown = metadata?.get(namespace);
  for (const key of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

function overrideOf(value: unknown): RateLimitOverride | null {
  if (typeof value !== 'object' || value === null) return null;
  const { requests_per_unit: requestsPerUnit, unit } = value as Record<string, unknown>;
  const known = RATE_LIMIT_UNITS.find((each) => each === unit);
  if (typeof requestsPerUnit !== 'number' || known === undefined) return null;
  return { requestsPerUnit: Math.trunc(requestsPerUnit) >>> 0, unit: known };
}

/** `10.1.0.0/16`, `2001:db8::/32`: the address with its last bits cleared. */
function maskedAddress(ip: string, v4Bits: number, v6Bits: number): string {
  if (!ip.includes(':')) {
    const bytes = ip.split('.').map(Number);
    return `${bytes.map((byte, i) => byte & maskOf(v4Bits - i * 8, 8)).join('.')}/${v4Bits}`;
  }
  const groups = ipv6Groups(ip).map((group, i) => group & maskOf(v6Bits - i * 16, 16));
  return `${ipv6Text(groups)}/${v6Bits}`;
}

/** The first `bits` of `width` bits set. */
function maskOf(bits: number, width: number): number {
  const kept = Math.max(0, Math.min(width, bits));
  return (0xffff << (width - kept)) & ((1 << width) - 1);
}

function ipv6Groups(ip: string): number[] {
  const [before = '', after] = ip.replace(/%.*$/, '').split('::');
  const parse = (text: string): number[] =>
    text === ''
      ? []
      : text.split(':').flatMap((part) => {
          if (!part.includes('.')) return [Number.parseInt(part, 16)];
          const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
          return [a * 256 + b, c * 256 + d];
        });
  const head = parse(before);
  if (after === undefined) return head;
  const tail = parse(after);
  return [...head, ...new Array<number>(Math.max(0, 8 - head.length - tail.length)).fill(0), ...tail];
}

/** RFC 5952: the longest run of two or more zero groups is `::`. */
function ipv6Text(groups: readonly number[]): string {
  let best = -1;
  let length = 1;
  for (let i = 0; i < groups.length; i++) {
    let run = 0;
    while (groups[i + run] === 0) run++;
    if (run > length) {
      best = i;
      length = run;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (best < 0) return hex.join(':');
  return `${hex.slice(0, best).join(':')}::${hex.slice(best + length).join(':')}`;
}
