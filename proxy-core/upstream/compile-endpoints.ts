import { isIP } from 'node:net';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import { namesOwnMachine } from '../discovery/dns-resolver.ts';
import type {
  AssignmentPolicy,
  EndpointConfig,
  EndpointHealth,
  EndpointMetadata,
  LocalityConfig,
} from './cluster-config.ts';
import { compileEndpointCheck } from './health/compile.ts';
import type { ClusterConfig } from './types.ts';

const NO_METADATA: EndpointMetadata = new Map();
const DNS_HINT = "Set the cluster's type to STRICT_DNS or LOGICAL_DNS to use a name.";

/** A compiled `envoy.config.endpoint.v3.ClusterLoadAssignment`. */
export interface CompiledAssignment {
  readonly endpoints: EndpointConfig[];
  readonly policy: AssignmentPolicy;
}

/** Reads `load_assignment`. Null when an error was reported. */
export function compileEndpoints(
  cluster: MessageReader,
  ctx: CompileContext,
  type: ClusterConfig['type'],
): CompiledAssignment | null {
  const assignment = cluster.message('load_assignment');
  if (assignment === undefined) return { endpoints: [], policy: readPolicy(undefined) };
  return compileAssignment(assignment, ctx, type);
}

export function compileAssignment(
  assignment: MessageReader,
  ctx: CompileContext,
  type: ClusterConfig['type'],
): CompiledAssignment | null {
  assignment.acknowledge('cluster_name');
  const localities = assignment.messages('endpoints');
  const result: EndpointConfig[] = [];
  let failed = false;
  for (const group of localities) {
    const locality = readLocality(group);
    const priority = group.number('priority') ?? 0;
    for (const entry of group.messages('lb_endpoints')) {
      const endpoint = readEndpoint(entry, ctx, type, locality, priority);
      if (endpoint === null) failed = true;
      else result.push(endpoint);
    }
  }
  if (type === 'LOGICAL_DNS' && (localities.length !== 1 || result.length !== 1) && !failed) {
    ctx.report(
      'error',
      'cluster.logical-dns-endpoints',
      assignment,
      'endpoints',
      `A LOGICAL_DNS cluster has exactly one endpoint; this one has ${result.length}. Keep one, or use STRICT_DNS.`,
    );
    failed = true;
  }
  return failed ? null : { endpoints: result, policy: readPolicy(assignment.message('policy')) };
}

/** Parts of a hundred by what `denominator` names. */
const DENOMINATORS: Readonly<Record<string, number>> = { TEN_THOUSAND: 100, MILLION: 10_000 };

function readPolicy(policy: MessageReader | undefined): AssignmentPolicy {
  return {
    overprovisioningFactor: policy?.number('overprovisioning_factor') ?? 140,
    weightedPriorityHealth: policy?.bool('weighted_priority_health') ?? false,
    dropOverloads: (policy?.messages('drop_overloads') ?? []).map((drop) => {
      const share = drop.message('drop_percentage');
      const scale = DENOMINATORS[share?.enumeration('denominator') ?? ''] ?? 1;
      return { category: drop.string('category') ?? '', percent: (share?.number('numerator') ?? 0) / scale };
    }),
    staleAfter: policy?.duration('endpoint_stale_after') ?? 0,
  };
}

function readLocality(group: MessageReader): LocalityConfig {
  const locality = group.message('locality');
  return {
    region: locality?.string('region') ?? '',
    zone: locality?.string('zone') ?? '',
    subZone: locality?.string('sub_zone') ?? '',
    weight: group.number('load_balancing_weight') ?? null,
  };
}

function readEndpoint(
  entry: MessageReader,
  ctx: CompileContext,
  type: ClusterConfig['type'],
  locality: LocalityConfig,
  priority: number,
): EndpointConfig | null {
  const endpoint = entry.message('endpoint');
  const address = endpoint?.message('address');
  const socket = address?.message('socket_address');
  const pipe = address?.message('pipe');
  const check = compileEndpointCheck(endpoint);
  const rest = {
    hostname: endpoint?.string('hostname') ?? '',
    weight: entry.number('load_balancing_weight') ?? 1,
    priority,
    locality,
    health: readHealth(entry.enumeration('health_status')),
    ...(check === undefined ? {} : { check }),
    metadata: entry.message('metadata')?.jsonMap('filter_metadata') ?? NO_METADATA,
    additionalAddresses: readAdditional(endpoint),
    source: entry.range,
  };
  if (pipe !== undefined) {
    return { ...rest, address: pipe.string('path') ?? '', port: -1 };
  }
  if (socket === undefined) {
    ctx.report(
      'error',
      'endpoint.no-address',
      entry,
      '',
      'This endpoint has no address. Give it endpoint.address.socket_address with address and port_value.',
    );
    return null;
  }
  socket.acknowledge('protocol');
  const host = socket.string('address') ?? '';
  const port = socket.number('port_value') ?? 0;
  const isName = isIP(host) === 0;
  if (isName && (type === 'STATIC' || type === 'EDS')) {
    ctx.report(
      'error',
      'endpoint.malformed-ip',
      socket,
      'address',
      `${host === '' ? 'An empty address' : host} is not an IP address, and this cluster is of type ${type}. ${DNS_HINT}`,
      {
        expected: 'an IPv4 or IPv6 address',
      },
    );
    return null;
  }
  if (isName && namesOwnMachine(host)) {
    ctx.report(
      'notice',
      'endpoint.own-machine',
      socket,
      'address',
      `${host} is a name of container runtimes for their machine: where the system does not know it, 127.0.0.1 is used.`,
    );
  }
  return { ...rest, address: host, port };
}

/** Of the additional addresses the IPs: they share the port with the first one, as dual-stack hosts do. */
function readAdditional(endpoint: MessageReader | undefined): string[] {
  return (endpoint?.messages('additional_addresses') ?? []).flatMap((one) => {
    const socket = one.message('address')?.message('socket_address');
    socket?.acknowledge('protocol', 'port_value');
    return socket?.string('address') ?? [];
  });
}

/** `TIMEOUT` counts as unhealthy (config.core.v3.HealthStatus). */
function readHealth(status: string | undefined): EndpointHealth {
  switch (status) {
    case 'UNHEALTHY':
    case 'TIMEOUT':
      return 'UNHEALTHY';
    case 'DRAINING':
      return 'DRAINING';
    case 'DEGRADED':
      return 'DEGRADED';
    default:
      return 'HEALTHY';
  }
}
