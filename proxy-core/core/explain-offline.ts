import { SeededRandom } from '../base/random.ts';
import { RealClock } from '../base/real-clock.ts';
import type { CoreServices } from '../config/compile-context.ts';
import type { Diagnostic } from '../config/diagnostic.ts';
import { loadConfig } from '../config/load.ts';
import { SystemDnsResolver } from '../discovery/dns-resolver.ts';
import type { ConfigSource, ExplainRequest } from '../facade/core-api.ts';
import type { Decision } from '../facade/decision.ts';
import { StatsStore } from '../observe/index.ts';
import { createClusterManager } from '../upstream/index.ts';
import { compileBootstrap } from './compile.ts';
import { explainRequest } from './explain.ts';

/**
 * Compiles, resolves the clusters' names and decides: nothing is bound or sent. `decision` is null when the
 * configuration has errors.
 */
export async function explainOnce(
  source: ConfigSource,
  request: ExplainRequest,
): Promise<{ readonly decision: Decision | null; readonly diagnostics: readonly Diagnostic[] }> {
  const loaded = loadConfig(source);
  const stats = new StatsStore();
  const { bootstrap, diagnostics } = compileBootstrap(loaded, { serving: false, stats, logFiles: null });
  if (bootstrap === null) return { decision: null, diagnostics };
  const services: CoreServices = {
    clock: new RealClock(),
    random: new SeededRandom(request.random ?? 0),
    stats,
    log: () => {},
  };
  const manager = createClusterManager(services, {
    resolver: new SystemDnsResolver(),
    onEvent: () => {},
    onChange: () => {},
  });
  const update = manager.update(bootstrap.clusters, null);
  await update.ready();
  update.commit();
  const runtime = {
    version: 1,
    clusters: update.view,
    runtime: bootstrap.runtime,
    serviceCluster: bootstrap.node.cluster,
    serviceNode: bootstrap.node.id,
  };
  const snapshot = { version: 1, source, loaded, bootstrap, clusters: update.view, runtime, appliedAt: 0 };
  try {
    return { decision: explainRequest(snapshot, request, () => null), diagnostics };
  } finally {
    manager.close();
  }
}
