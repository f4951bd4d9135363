import type { Diagnostic } from '../config/diagnostic.ts';
import type { ConfigSource, CoreOptions, ExplainRequest, ProxyCore } from '../facade/core-api.ts';
import type { Decision } from '../facade/decision.ts';
import { explainOnce } from './explain-offline.ts';
import { RunningCore } from './running-core.ts';

export { fixConfig } from './fix.ts';
export { runRouteTests } from './route-tests.ts';

/** A core that runs nothing yet. It keeps the process alive until `close`. */
export function createProxyCore(options: CoreOptions): ProxyCore {
  return new RunningCore(options);
}

/** The decision for an imagined request under a configuration, without binding or sending anything. */
export function explainOffline(
  source: ConfigSource,
  request: ExplainRequest,
): Promise<{ readonly decision: Decision | null; readonly diagnostics: readonly Diagnostic[] }> {
  return explainOnce(source, request);
}
