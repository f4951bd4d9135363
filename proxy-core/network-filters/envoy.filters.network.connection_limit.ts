import { CallbackTimer } from '../base/clock.ts';
import type { Counter, Gauge } from '../base/stats.ts';
import { compileRuntimeFlag, flagEnabled, type RuntimeFlag } from '../http/filters/runtime-flag.ts';
import type { NetworkFilterExtension } from './extension.ts';
import type { NetworkConnection, NetworkFilter, NetworkFilterStatus } from './types.ts';

/** One filter in one filter chain: its connections count together. */
interface Limit {
  readonly max: number;
  /** Milliseconds until a refused connection closes. */
  readonly delay: number;
  readonly enabled: RuntimeFlag;
  readonly active: Gauge;
  readonly limited: Counter;
  /** Connections that were let through and are still there. */
  open: number;
}

class ConnectionLimit implements NetworkFilter {
  private state: 'off' | 'open' | 'refused' = 'off';
  private timer: CallbackTimer | null = null;

  constructor(
    private readonly connection: NetworkConnection,
    private readonly limit: Limit,
  ) {}

  onNewConnection(): NetworkFilterStatus {
    const { limit, connection } = this;
    if (!flagEnabled(limit.enabled, connection.snapshot.runtime)) return 'continue';
    limit.active.inc();
    if (limit.open < limit.max) {
      this.state = 'open';
      limit.open++;
      return 'continue';
    }
    this.state = 'refused';
    limit.limited.inc();
    const close = (): void => connection.close('abort');
    if (limit.delay === 0) close();
    else {
      this.timer = new CallbackTimer(connection.path.services.clock, close);
      this.timer.arm(limit.delay);
    }
    return 'stop';
  }

  onClose(): void {
    this.timer?.disarm();
    if (this.state !== 'off') this.limit.active.dec();
    if (this.state === 'open') this.limit.open--;
  }
}

/** `envoy.filters.network.connection_limit`. */
export const CONNECTION_LIMIT: NetworkFilterExtension = {
  type: 'envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit',
  compile(name, config, _ctx, { stats }) {
    const prefix = `connection_limit.${config.string('stat_prefix') ?? ''}.`;
    const limit: Limit = {
      max: config.number('max_connections') ?? 0,
      delay: config.duration('delay') ?? 0,
      enabled: compileRuntimeFlag(config.message('runtime_enabled')),
      active: stats.gauge(`${prefix}active_connections`),
      limited: stats.counter(`${prefix}limited_connections`),
      open: 0,
    };
    return {
      kind: 'filter',
      name,
      source: config.range,
      create: (connection) => new ConnectionLimit(connection, limit),
    };
  },
};
