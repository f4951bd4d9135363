import { RE2JS } from 're2js';
import { envoySchema } from '../../config/schema/schema.ts';
import { applyMask, maskFits, parseFieldMask } from './field-mask.ts';
import { anyJson, messageJson } from './message-json.ts';
import { json } from './response.ts';
import type { AdminBackend, AdminHost, AdminRequest, AdminResource, AdminResponse } from './types.ts';

type JsonObject = Record<string, unknown>;

const ADMIN = 'envoy.admin.v3.';

/** Names of the repeated fields that `?resource=` takes, with the message of their items. */
const RESOURCES: Readonly<Record<string, readonly [dump: string, item: string]>> = {
  static_clusters: ['ClustersConfigDump', 'ClustersConfigDump.StaticCluster'],
  dynamic_active_clusters: ['ClustersConfigDump', 'ClustersConfigDump.DynamicCluster'],
  dynamic_warming_clusters: ['ClustersConfigDump', 'ClustersConfigDump.DynamicCluster'],
  static_endpoint_configs: ['EndpointsConfigDump', 'EndpointsConfigDump.StaticEndpointConfig'],
  dynamic_endpoint_configs: ['EndpointsConfigDump', 'EndpointsConfigDump.DynamicEndpointConfig'],
  static_listeners: ['ListenersConfigDump', 'ListenersConfigDump.StaticListener'],
  dynamic_listeners: ['ListenersConfigDump', 'ListenersConfigDump.DynamicListener'],
  inline_scoped_route_configs: ['ScopedRoutesConfigDump', 'ScopedRoutesConfigDump.InlineScopedRouteConfigs'],
  dynamic_scoped_route_configs: [
    'ScopedRoutesConfigDump',
    'ScopedRoutesConfigDump.DynamicScopedRouteConfigs',
  ],
  static_route_configs: ['RoutesConfigDump', 'RoutesConfigDump.StaticRouteConfig'],
  dynamic_route_configs: ['RoutesConfigDump', 'RoutesConfigDump.DynamicRouteConfig'],
  static_secrets: ['SecretsConfigDump', 'SecretsConfigDump.StaticSecret'],
  dynamic_active_secrets: ['SecretsConfigDump', 'SecretsConfigDump.DynamicSecret'],
  dynamic_warming_secrets: ['SecretsConfigDump', 'SecretsConfigDump.DynamicSecret'],
};

/** `/config_dump` (server/admin/config_dump_handler.cc). */
export function configDump(request: AdminRequest, backend: AdminBackend): AdminResponse {
  const resource = request.params.get('resource') ?? '';
  const mask = request.params.get('mask') ?? '';
  const nameRegex = request.params.get('name_regex') ?? '';
  let names: RE2JS | null = null;
  if (nameRegex !== '') {
    try {
      names = RE2JS.compile(nameRegex);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return plain(400, `INVALID_ARGUMENT: Error while parsing name_regex from ${nameRegex}: ${reason}`);
    }
  }
  const dumps = allDumps(backend, names, request.params.has('include_eds'));
  return resource === '' ? wholeDump(dumps, mask) : oneResource(dumps, resource, mask);
}

function plain(status: number, body: string): AdminResponse {
  return { status, contentType: 'text/plain', body };
}

function wholeDump(dumps: readonly JsonObject[], mask: string): AdminResponse {
  if (mask === '') return json({ configs: dumps });
  const tree = parseFieldMask(mask);
  const schema = envoySchema();
  // A mask is for the dumps whose fields it names; the others are left out.
  const fitting = dumps.filter((dump) =>
    maskFits(tree, String(dump['@type']).replace('type.googleapis.com/', ''), schema),
  );
  if (fitting.length === 0) {
    return plain(400, `FieldMask ${mask} could not be successfully applied to any configs.`);
  }
  return json({ configs: fitting.map((dump) => applyMask(dump, tree)) });
}

function oneResource(dumps: readonly JsonObject[], resource: string, mask: string): AdminResponse {
  const known = RESOURCES[resource];
  if (known === undefined) {
    if (dumps.some((dump) => dump[resource] !== undefined && resource !== '@type')) {
      return plain(400, `${resource} is not a repeated field. Use ?mask=${resource} to get only this field`);
    }
    return plain(404, `${resource} not found in config dump`);
  }
  const [dumpType, itemType] = known;
  const dump = dumps.find((d) => d['@type'] === `type.googleapis.com/${ADMIN}${dumpType}`);
  // Endpoints are only dumped with include_eds.
  if (dump === undefined) return plain(404, `${resource} not found in config dump`);
  const items = (dump[resource] as readonly JsonObject[] | undefined) ?? [];
  const tree = mask === '' ? null : parseFieldMask(mask);
  if (tree !== null && items.length > 0 && !maskFits(tree, ADMIN + itemType, envoySchema())) {
    return plain(400, `FieldMask ${mask} could not be successfully applied to any configs.`);
  }
  const configs = items.map((item) => {
    const typed = { '@type': `type.googleapis.com/${ADMIN}${itemType}`, ...item };
    return tree === null ? typed : applyMask(typed, tree);
  });
  return json(configs.length === 0 ? {} : { configs });
}

function allDumps(backend: AdminBackend, names: RE2JS | null, includeEds: boolean): JsonObject[] {
  const config = backend.config();
  const chosen = (resources: readonly AdminResource[], field = 'name'): readonly AdminResource[] =>
    resources.filter((resource) => names === null || names.matches(nameOf(resource, field)));
  const dumps: JsonObject[] = [];
  dumps.push({
    ...typed('BootstrapConfigDump'),
    bootstrap: config.bootstrap === null ? {} : messageJson(config.bootstrap.message),
    ...(config.bootstrap === null ? {} : updated(config.bootstrap)),
  });
  dumps.push({
    ...typed('ClustersConfigDump'),
    ...discovered(chosen(config.clusters), 'cluster', 'static_clusters', 'dynamic_active_clusters'),
  });
  if (includeEds) dumps.push(endpointsDump(backend, names));
  dumps.push({
    ...typed('ListenersConfigDump'),
    ...listenersDump(chosen(config.listeners)),
  });
  dumps.push(typed('ScopedRoutesConfigDump'));
  dumps.push({
    ...typed('RoutesConfigDump'),
    ...discovered(chosen(config.routes), 'route_config', 'static_route_configs', 'dynamic_route_configs'),
  });
  dumps.push({ ...typed('SecretsConfigDump'), ...secretsDump(chosen(config.secrets)) });
  return dumps;
}

function typed(name: string): JsonObject {
  return { '@type': `type.googleapis.com/${ADMIN}${name}` };
}

function updated(resource: AdminResource): JsonObject {
  return { last_updated: new Date(resource.updated).toISOString() };
}

function nameOf(resource: AdminResource, field: string): string {
  const value = resource.message.fields.get(field)?.value;
  return value?.kind === 'scalar' && typeof value.value === 'string' ? value.value : '';
}

function discovered(
  resources: readonly AdminResource[],
  field: string,
  staticField: string,
  dynamicField: string,
): JsonObject {
  const result: JsonObject = {};
  const entries = (list: readonly AdminResource[]): JsonObject[] =>
    list.map((r) => ({
      ...(r.version === undefined ? {} : { version_info: r.version }),
      [field]: anyJson(r.message),
      ...updated(r),
    }));
  const fixed = resources.filter((r) => r.version === undefined);
  const dynamic = resources.filter((r) => r.version !== undefined);
  if (fixed.length > 0) result[staticField] = entries(fixed);
  if (dynamic.length > 0) result[dynamicField] = entries(dynamic);
  return result;
}

function listenersDump(resources: readonly AdminResource[]): JsonObject {
  const result: JsonObject = {};
  const fixed = resources.filter((r) => r.version === undefined);
  const dynamic = resources.filter((r) => r.version !== undefined);
  if (fixed.length > 0) {
    result['static_listeners'] = fixed.map((r) => ({ listener: anyJson(r.message), ...updated(r) }));
  }
  if (dynamic.length > 0) {
    result['dynamic_listeners'] = dynamic.map((r) => ({
      name: nameOf(r, 'name'),
      active_state: { version_info: r.version, listener: anyJson(r.message), ...updated(r) },
    }));
  }
  return result;
}

function secretsDump(resources: readonly AdminResource[]): JsonObject {
  if (resources.length === 0) return {};
  return {
    static_secrets: resources.map((r) => ({
      name: nameOf(r, 'name'),
      ...updated(r),
      secret: anyJson(r.message),
    })),
  };
}

function endpointsDump(backend: AdminBackend, names: RE2JS | null): JsonObject {
  const clusters = backend.clusters().filter((c) => names === null || names.matches(c.name));
  const fixed = clusters.map((cluster) => {
    const localities = new Map<string, AdminHost[]>();
    for (const host of cluster.hosts) {
      const key = JSON.stringify([host.priority, host.region, host.zone, host.subZone]);
      const list = localities.get(key);
      if (list === undefined) localities.set(key, [host]);
      else list.push(host);
    }
    return {
      endpoint_config: {
        '@type': 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
        cluster_name: cluster.edsServiceName === '' ? cluster.name : cluster.edsServiceName,
        endpoints: [...localities.values()].map(localityJson),
        policy: { overprovisioning_factor: 140 },
      },
    };
  });
  return {
    ...typed('EndpointsConfigDump'),
    ...(fixed.length === 0 ? {} : { static_endpoint_configs: fixed }),
  };
}

function localityJson(hosts: readonly AdminHost[]): JsonObject {
  const first = hosts[0] as AdminHost;
  return {
    locality: localityName(first),
    lb_endpoints: hosts.map((host) => ({
      endpoint: {
        address: addressJson(host.address),
        health_check_config: {},
        ...(host.hostname === '' ? {} : { hostname: host.hostname }),
      },
      health_status: host.healthFlags === 'healthy' ? 'HEALTHY' : 'UNHEALTHY',
      load_balancing_weight: host.weight,
    })),
    load_balancing_weight: 0,
    ...(first.priority === 0 ? {} : { priority: first.priority }),
  };
}

export function localityName(host: AdminHost): JsonObject {
  return {
    ...(host.region === '' ? {} : { region: host.region }),
    ...(host.zone === '' ? {} : { zone: host.zone }),
    ...(host.subZone === '' ? {} : { sub_zone: host.subZone }),
  };
}

export function addressJson(address: { readonly ip: string; readonly port: number }): JsonObject {
  if (address.port < 0) return { pipe: { path: address.ip } };
  return {
    socket_address: { address: address.ip, ...(address.port === 0 ? {} : { port_value: address.port }) },
  };
}
