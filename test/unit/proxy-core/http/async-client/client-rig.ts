import { SeededRandom } from '../../../../../proxy-core/base/random.ts';
import { RealClock } from '../../../../../proxy-core/base/real-clock.ts';
import { loadConfig } from '../../../../../proxy-core/config/load.ts';
import { compileBootstrap } from '../../../../../proxy-core/core/compile.ts';
import { type AsyncClient, asyncClient } from '../../../../../proxy-core/http/async-client/client.ts';
import { createDataPath } from '../../../../../proxy-core/http/runtime.ts';
import { StatsStore } from '../../../../../proxy-core/observe/stats/store.ts';
import { createClusterManager } from '../../../../../proxy-core/upstream/index.ts';

/** A client of its own with one cluster for each port: `a`, `b`, …; gRPC clusters speak HTTP/2. */
export class ClientRig {
  readonly stats = new StatsStore();
  readonly clock = new RealClock();
  readonly client: AsyncClient;
  private readonly clusters;

  constructor(ports: readonly number[], http2 = false) {
    const services = { clock: this.clock, random: new SeededRandom(1), stats: this.stats, log: () => {} };
    this.clusters = createClusterManager(services, {
      resolver: { resolve: () => Promise.reject(new Error('no names here')) } as never,
      onEvent: () => {},
      onChange: () => {},
    });
    const options = http2
      ? 'typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: { http2_protocol_options: {} } } }'
      : '';
    const clusters = ports.map((port, i) => {
      const name = String.fromCharCode(97 + i);
      const endpoint = `{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }`;
      return `  - { name: ${name}, type: STATIC, load_assignment: { cluster_name: ${name}, endpoints: [{ lb_endpoints: [${endpoint}] }] }, ${options} }`;
    });
    const text = `static_resources:\n  clusters:\n${clusters.join('\n')}\n  - { name: empty, type: STATIC }\n`;
    const compiled = compileBootstrap(loadConfig({ file: 'test.yaml', text }), {
      stats: this.stats,
      logFiles: null,
      serving: true,
    } as never);
    if (compiled.bootstrap === null) throw new Error(JSON.stringify(compiled.diagnostics));
    this.clusters.update(compiled.bootstrap.clusters, null).commit();
    this.client = asyncClient(createDataPath(services, null), {
      version: 1,
      clusters: this.clusters.view,
      runtime: new Map(),
      serviceCluster: '',
      serviceNode: '',
    });
  }

  counter(name: string): number {
    return this.stats.counter(name).value;
  }

  gauge(name: string): number {
    return this.stats.gauge(name).value;
  }

  close(): void {
    this.clusters.close();
    this.clock.stop();
  }
}
