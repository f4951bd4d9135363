import { existsSync } from 'node:fs';
import { SeededRandom } from '../../../../proxy-core/base/random.ts';
import { VirtualClock } from '../../../../proxy-core/base/virtual-clock.ts';
import type { CompileContext, CoreServices } from '../../../../proxy-core/config/compile-context.ts';
import type { Diagnostic } from '../../../../proxy-core/config/diagnostic.ts';
import { loadMessage } from '../../../../proxy-core/config/load.ts';
import type { MessageNode } from '../../../../proxy-core/config/message.ts';
import { MessageReader } from '../../../../proxy-core/config/reader.ts';
import type { DnsResolver } from '../../../../proxy-core/discovery/dns-resolver.ts';
import type { Candidate, Narrator } from '../../../../proxy-core/facade/decision.ts';
import { StatsStore } from '../../../../proxy-core/observe/stats/store.ts';
import type { UpstreamCluster } from '../../../../proxy-core/upstream/cluster.ts';
import type { CompiledCluster } from '../../../../proxy-core/upstream/cluster-config.ts';
import {
  createClusterManager,
  type UpstreamManager,
} from '../../../../proxy-core/upstream/cluster-manager.ts';
import { compileCluster } from '../../../../proxy-core/upstream/compile-cluster.ts';
import type { UpstreamEvent } from '../../../../proxy-core/upstream/events.ts';
import type { LoadBalancerContext } from '../../../../proxy-core/upstream/types.ts';

export interface Compiled {
  readonly cluster: CompiledCluster | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly node: MessageNode;
}

/** Reads one cluster of YAML with the real loader and compiles it. */
export function compile(yaml: string, runtime: ReadonlyMap<string, unknown> = new Map()): Compiled {
  const loaded = loadMessage(yaml, 'cluster.yaml', 'envoy.config.cluster.v3.Cluster');
  const diagnostics: Diagnostic[] = [...loaded.diagnostics];
  if (loaded.root === null) throw new Error('unreadable test YAML');
  const ctx: CompileContext = {
    report: (severity, code, reader, field, message, more) =>
      diagnostics.push({
        severity,
        code,
        message,
        path: field === '' ? reader.path : reader.pathOf(field),
        range: more?.range ?? (field === '' ? reader.range : reader.rangeOf(field)),
      }),
    clusterNames: new Set(),
    serving: false,
    files: { read: () => new Uint8Array(), exists: existsSync },
    node: { id: '', cluster: '' },
    runtime,
  };
  return {
    cluster: compileCluster(new MessageReader(loaded.root), ctx, false),
    diagnostics,
    node: loaded.root,
  };
}

export function compiled(yaml: string): CompiledCluster {
  const { cluster, diagnostics } = compile(yaml);
  const errors = diagnostics.filter((d) => d.severity === 'error');
  if (cluster === null || errors.length > 0) throw new Error(errors.map((d) => d.message).join('\n'));
  return cluster;
}

/** `hosts` are ports on 127.0.0.1, `port*weight` for a weight. `more` is YAML at the cluster's level. */
export function clusterYaml(hosts: readonly (number | string)[], more = '', name = 'c'): string {
  const endpoints = hosts.map((host) => {
    const [port, weight] = String(host).split('*');
    const suffix = weight === undefined ? '' : `, load_balancing_weight: ${weight}`;
    return `      - {endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ${port}}}}${suffix}}`;
  });
  return `name: ${name}
${more}
load_assignment:
  cluster_name: ${name}
  endpoints:
  - lb_endpoints:
${endpoints.join('\n')}
`;
}

export class TestResolver implements DnsResolver {
  readonly answers = new Map<string, readonly string[] | Error>();
  asked: string[] = [];

  async resolve(name: string, family: 4 | 6): Promise<readonly string[]> {
    this.asked.push(`${name}/${family}`);
    const answer = this.answers.get(`${name}/${family}`) ?? [];
    if (answer instanceof Error) throw answer;
    return answer;
  }
}

export interface World {
  readonly clock: VirtualClock;
  readonly stats: StatsStore;
  readonly services: CoreServices;
  readonly resolver: TestResolver;
  readonly manager: UpstreamManager;
  readonly events: UpstreamEvent[];
  readonly log: string[];
  readonly healthLog: string[];
  stat(name: string): number;
}

export type RuntimeValues = ReadonlyMap<string, unknown>;

export function world(seed = 1, runtime: RuntimeValues | (() => RuntimeValues) = new Map()): World {
  const clock = new VirtualClock();
  const stats = new StatsStore();
  const services: CoreServices = { clock, random: new SeededRandom(seed), stats, log: () => {} };
  const resolver = new TestResolver();
  const events: UpstreamEvent[] = [];
  const healthLog: string[] = [];
  const manager = createClusterManager(services, {
    resolver,
    onEvent: (event) => events.push(event),
    onChange: () => {},
    openLog: () => (line) => healthLog.push(line),
    runtime: typeof runtime === 'function' ? runtime : () => runtime,
  });
  return {
    clock,
    stats,
    services,
    resolver,
    manager,
    events,
    log: [],
    healthLog,
    stat: (name) => stats.counters.get(name)?.value ?? stats.gauges.get(name)?.value ?? Number.NaN,
  };
}

/** Applies the clusters and gives the first one. */
export function run(w: World, ...yaml: string[]): UpstreamCluster {
  const update = w.manager.update(yaml.map(compiled), (line) => w.log.push(line));
  update.commit();
  return update.view.clusters[0] as UpstreamCluster;
}

const draws = new SeededRandom(99);

export function context(more: Partial<LoadBalancerContext> = {}): LoadBalancerContext {
  return { random: draws.next(), hash: null, attempt: 0, ...more };
}

/** Ports of `n` picks; 0 = no host. */
export function picks(cluster: UpstreamCluster, n: number): number[] {
  return Array.from({ length: n }, () => cluster.choose(context())?.port ?? 0);
}

export class Notes implements Narrator {
  readonly candidates: Candidate[] = [];
  readonly notes: string[] = [];

  candidate(candidate: Candidate): void {
    this.candidates.push(candidate);
  }

  note(_tone: string, text: string): void {
    this.notes.push(text);
  }
}
