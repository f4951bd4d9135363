import type { Counter } from '../base/stats.ts';
import type { RequestHead, StreamInfo } from '../base/stream-info.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import { compileRbacRules, decideRbac, type RbacRules } from '../http/filters/rbac-rules.ts';
import type { NetworkFilterExtension } from './extension.ts';
import type { NetworkConnection, NetworkFilter, NetworkFilterStatus } from './types.ts';

interface RbacSettings {
  /** Null: everybody gets in. */
  readonly rules: RbacRules | null;
  /** Only counted, never enforced. */
  readonly shadowRules: RbacRules | null;
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
    const { allowed, policy } = decideRbac(settings.rules, NO_HEAD, account);
    if (settings.rules.action === 'LOG') note(account, 'envoy.common', { access_log_hint: policy !== null });
    (allowed ? settings.allowed : settings.denied).inc();
    if (allowed) return 'continue';
    info.terminationDetails = `rbac_access_denied_matched_policy[${(policy ?? 'none').replace(/\s/g, '_')}]`;
    connection.close('abort');
    return 'stop';
  }

  private shadow(rules: RbacRules): void {
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

function refuseMatchers(reader: MessageReader, ctx: CompileContext): void {
  for (const [field, instead, severity] of [
    ['matcher', 'rules', 'error'],
    ['shadow_matcher', 'shadow_rules', 'warning'],
  ] as const) {
    if (!reader.has(field)) continue;
    const message = `\`${field}\` of the RBAC filter is not emulated: write it as \`${instead}\`.`;
    ctx.report(severity, 'filter.rbac-not-emulated', reader, field, message);
  }
}

/** `envoy.filters.network.rbac`: who may connect; asked when the first bytes come. */
export const RBAC: NetworkFilterExtension = {
  type: 'envoy.extensions.filters.network.rbac.v3.RBAC',
  compile(name, config, ctx, { stats }) {
    refuseMatchers(config, ctx);
    const rules = config.message('rules');
    const shadowRules = config.message('shadow_rules');
    const given = config.string('stat_prefix') ?? '';
    const prefix = `${given}${given === '' || given.endsWith('.') ? '' : '.'}rbac.`;
    const shadowPrefix = config.string('shadow_rules_stat_prefix') ?? '';
    const settings: RbacSettings = {
      rules: rules === undefined ? null : compileRbacRules(rules, ctx),
      shadowRules: shadowRules === undefined ? null : compileRbacRules(shadowRules, ctx),
      shadowPrefix,
      continuous: config.enumeration('enforcement_type') === 'CONTINUOUS',
      allowed: stats.counter(`${prefix}allowed`),
      denied: stats.counter(`${prefix}denied`),
      shadowAllowed: stats.counter(`${prefix}${shadowPrefix}shadow_allowed`),
      shadowDenied: stats.counter(`${prefix}${shadowPrefix}shadow_denied`),
    };
    return {
      kind: 'filter',
      name,
      source: config.range,
      create: (connection) => new Rbac(connection, settings),
    };
  },
};
