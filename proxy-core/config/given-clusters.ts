import { isIP } from 'node:net';
import type { Diagnostic } from './diagnostic.ts';
import { withField } from './merge.ts';
import type { ConfigNode, MessageNode } from './message.ts';
import { ReadContext } from './read/context.ts';
import { readMessage } from './read/message.ts';
import { envoySchema } from './schema/schema.ts';
import type { MessageSchema } from './schema/types.ts';
import { parseText } from './text/parse.ts';
import type { SourceMap } from './text/source-node.ts';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';
const STATIC_RESOURCES = 'envoy.config.bootstrap.v3.Bootstrap.StaticResources';

/**
 * Adds the clusters of `--cluster name=host:port,…`: STATIC, or STRICT_DNS as soon as one host is a name, with outlier
 * detection that can act on a handful of hosts. A cluster that the file defines stays as it is.
 */
export function addGivenClusters(
  root: MessageNode,
  given: ReadonlyMap<string, readonly string[]>,
  diagnostics: Diagnostic[],
): { root: MessageNode; names: ReadonlySet<string> } {
  const names = new Set<string>();
  if (given.size === 0) return { root, names };
  const resourcesField = root.fields.get('static_resources');
  const resources: MessageNode =
    resourcesField?.value.kind === 'message'
      ? resourcesField.value
      : {
          kind: 'message',
          type: STATIC_RESOURCES,
          range: root.range,
          path: 'static_resources',
          fields: new Map(),
          fromAny: false,
        };
  const existing = resources.fields.get('clusters')?.value;
  const items: ConfigNode[] = existing?.kind === 'list' ? [...existing.items] : [];
  for (const [name, addresses] of given) {
    const defined = items.find((item) => nameOf(item) === name);
    if (defined !== undefined) {
      diagnostics.push({
        code: 'config.given-cluster-defined',
        severity: 'warning',
        message: `--cluster ${name} has no effect: the configuration defines ${name} itself.`,
        path: defined.kind === 'message' ? defined.path : '',
        range: defined.range,
      });
      continue;
    }
    const cluster = givenCluster(name, addresses, diagnostics);
    if (cluster === null) continue;
    items.push(cluster);
    names.add(name);
  }
  const list: ConfigNode = { kind: 'list', range: existing?.range ?? root.range, items };
  const filled = withField(resources, 'clusters', list, resources.path);
  const result = withField(root, 'static_resources', filled, '');
  const field = result.fields.get('static_resources');
  if (field !== undefined && resourcesField?.read === true) field.read = true;
  return { root: result, names };
}

function nameOf(node: ConfigNode): unknown {
  const value = node.kind === 'message' ? node.fields.get('name')?.value : undefined;
  return value?.kind === 'scalar' ? value.value : undefined;
}

function givenCluster(
  name: string,
  addresses: readonly string[],
  diagnostics: Diagnostic[],
): MessageNode | null {
  const file = `--cluster ${name}=${addresses.join(',')}`;
  const hosts = addresses.map(splitAddress);
  const bad = addresses[hosts.indexOf(null)];
  if (addresses.length === 0 || bad !== undefined) {
    diagnostics.push({
      code: 'config.given-cluster-address',
      severity: 'error',
      message:
        bad === undefined
          ? `--cluster ${name} names no host.`
          : `--cluster ${name}: “${bad}” is not host:port.`,
      path: '',
      range: { file, line: 1, column: 1, endLine: 1, endColumn: 1 },
      expected: 'host:port,host:port',
    });
    return null;
  }
  const known = hosts.filter((host) => host !== null);
  const byName = known.some((host) => isIP(host.address) === 0);
  const type = byName ? 'STRICT_DNS' : 'STATIC';
  const text = JSON.stringify({
    name,
    type,
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: known.map(({ address, port }) => ({
            endpoint: { address: { socket_address: { address, port_value: port } } },
          })),
        },
      ],
    },
    outlier_detection: { consecutive_5xx: 5, max_ejection_percent: 50 },
  });
  const parsed = parseText(file, text);
  const context = new ReadContext(envoySchema(), parsed.source, false);
  const schema = envoySchema().message(CLUSTER) as MessageSchema;
  const node = readMessage(context, schema, parsed.root as SourceMap, `--cluster ${name}`);
  diagnostics.push({
    code: 'config.given-cluster',
    severity: 'notice',
    message:
      `${name} is given on the command line: ${type} with ${known.length} ${known.length === 1 ? 'host' : 'hosts'}, ` +
      'outlier detection with consecutive_5xx 5 and max_ejection_percent 50. It is not exported.',
    path: `--cluster ${name}`,
    range: { file, line: 1, column: 1, endLine: 1, endColumn: file.length + 1 },
  });
  return node;
}

/** `127.0.0.1:9001`, `[::1]:9001`, `localhost:9001`. */
function splitAddress(text: string): { address: string; port: number } | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text.trim());
  if (match === null) return null;
  const port = Number(match[3]);
  return port > 65535 ? null : { address: (match[1] ?? match[2]) as string, port };
}
