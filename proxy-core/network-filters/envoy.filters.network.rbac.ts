import type { Counter } from '../base/stats.ts';
import type { RequestHead, StreamInfo } from '../base/stream-info.ts';
import { compileRbacEngine, decideRbac, type RbacEngine } from '../http/filters/rbac-rules.ts';
import type { NetworkFilterExtension } from './extension.ts';
import type { NetworkConnection, NetworkFilter, NetworkFilterStatus } from './types.ts';

interface RbacSettings {
  /** Null: everybody gets in. */
  readonly rules: RbacEngine | null;
  /** Only counted, never enforced. */
  readonly shadowRules: RbacEngine | null;
  readonly shadowPrefix: string;
  /** With every read instead of the first one. */
  readonly continuous: boolean;
  readonly allowed: Counter;
  readonly denied: Counter;
  readonly shadowAllowed: Counter;
  readonly shadowDenied: Counter;
}

const NAMESPACE = 'envoy.filters.network.rbac';

/** A connection has no request: rules on headers and paths match nothing. */
const NO_HEAD: RequestHead = { method: '', authority: '', path: '', scheme: '', protocol: '', headers: [] };

class Rbac implements NetworkFilter {
  private verdict: NetworkFilterStatus | null = null;

  constructor(
    private readonly connection: NetworkConnection,
    private readonly settings: RbacSettings,
  ) {}

  onData(): NetworkFilterStatus {
    if (this.verdict !== null && !this.settings.continuous) return this.verdict;
    this.verdict = this.decide();
    return this.verdict;
  }

  private decide(): NetworkFilterStatus {
    const { connection, settings } = this;
    const { account, info } = connection;
    if (settings.shadowRules !== null) this.shadow(settings.shadowRules);
    if (settings.rules === null) return 'continue';
    const { allowed, policy, logHint } = decideRbac(settings.rules, NO_HEAD, account);
    if (logHint !== null) note(account, 'envoy.common', { access_log_hint: logHint });
    (allowed ? settings.allowed : settings.denied).inc();
    if (allowed) return 'continue';
    info.terminationDetails = `rbac_access_denied_matched_policy[${(policy ?? 'none').replace(/\s/g, '_')}]`;
    connection.close('abort');
    return 'stop';
  }

  private shadow(rules: RbacEngine): void {
    const { settings, connection } = this;
    const { allowed, policy } = decideRbac(rules, NO_HEAD, connection.account);
    (allowed ? settings.shadowAllowed : settings.shadowDenied).inc();
    note(connection.account, NAMESPACE, {
      [`${settings.shadowPrefix}shadow_engine_result`]: allowed ? 'allowed' : 'denied',
      ...(policy === null ? {} : { [`${settings.shadowPrefix}shadow_effective_policy_id`]: policy }),
    });
  }
}

function note(info: StreamInfo, namespace: string, values: Record<string, unknown>): void {
  info.dynamicMetadata ??= new Map();
  info.dynamicMetadata.set(namespace, { ...info.dynamicMetadata.get(namespace), ...values });
}

function withDot(prefix: string): string {
  return prefix === '' || prefix.endsWith('.') ? prefix : `${prefix}.`;
}

/** `envoy.filters.network.rbac`: who may connect; asked when the first bytes come. */
export const RBAC: NetworkFilterExtension = {
  type: 'envoy.extensions.filters.network.rbac.v3.RBAC',
  compile(name, config, ctx, { stats }) {
    const prefix = `${withDot(config.string('stat_prefix') ?? '')}rbac.`;
    const shadowPrefix = config.string('shadow_rules_stat_prefix') ?? '';
    const shadow = `${prefix}${withDot(shadowPrefix)}`;
    const settings: RbacSettings = {
      rules: compileRbacEngine(config, '', 'network', ctx),
      shadowRules: compileRbacEngine(config, 'shadow_', 'network', ctx),
      shadowPrefix,
      continuous: config.enumeration('enforcement_type') === 'CONTINUOUS',
      allowed: stats.counter(`${prefix}allowed`),
      denied: stats.counter(`${prefix}denied`),
      shadowAllowed: stats.counter(`${shadow}shadow_allowed`),
      shadowDenied: stats.counter(`${shadow}shadow_denied`),
    };
    return {
      kind: 'filter',
      name,
      source: config.range,
      create: (connection) => new Rbac(connection, settings),
    };
  },
};
