import type { Counter } from '../../base/stats.ts';
import type { RequestHead, StreamInfo } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { FilterCallbacks, HeadStatus, HttpFilter } from '../filter.ts';
import type { FilterEnvironment, HttpFilterExtension } from './extension.ts';
import { compileRbacEngine, decideRbac, type RbacEngine } from './rbac-rules.ts';

interface RbacSettings {
  /** Null: everybody gets in. */
  readonly rules: RbacEngine | null;
  /** Only counted, never enforced. */
  readonly shadowRules: RbacEngine | null;
  readonly shadowPrefix: string;
  readonly stats: RbacStats;
}

interface RbacStats {
  readonly allowed: Counter;
  readonly denied: Counter;
  readonly shadowAllowed: Counter;
  readonly shadowDenied: Counter;
  /** Null unless `track_per_rule_stats`. */
  readonly ofPolicy: ((policy: string, outcome: string) => void) | null;
}

function compileSettings(
  reader: MessageReader,
  ctx: CompileContext,
  { stats, statPrefix }: FilterEnvironment,
): RbacSettings {
  const prefix = `${statPrefix}rbac.`;
  const own = withDot(reader.string('rules_stat_prefix') ?? '');
  const shadow = withDot(reader.string('shadow_rules_stat_prefix') ?? '');
  return {
    rules: compileRbacEngine(reader, '', 'HTTP', ctx),
    shadowRules: compileRbacEngine(reader, 'shadow_', 'HTTP', ctx),
    shadowPrefix: reader.string('shadow_rules_stat_prefix') ?? '',
    stats: {
      allowed: stats.counter(`${prefix}${own}allowed`),
      denied: stats.counter(`${prefix}${own}denied`),
      shadowAllowed: stats.counter(`${prefix}${shadow}shadow_allowed`),
      shadowDenied: stats.counter(`${prefix}${shadow}shadow_denied`),
      ofPolicy:
        (reader.bool('track_per_rule_stats') ?? false)
          ? (policy, outcome) => stats.counter(`${prefix}${own}policy.${policy}.${outcome}`).inc()
          : null,
    },
  };
}

function withDot(prefix: string): string {
  return prefix === '' || prefix.endsWith('.') ? prefix : `${prefix}.`;
}

/** RBACPerRoute without `rbac` switches the filter off. */
const OFF = 'off';

function settingsOf(perRoute: unknown, configured: RbacSettings): RbacSettings | null {
  if (perRoute === OFF) return null;
  return (perRoute as RbacSettings | undefined) ?? configured;
}

const NAMESPACE = 'envoy.filters.http.rbac';

class RbacFilter implements HttpFilter {
  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly configured: RbacSettings,
  ) {}

  decodeHead(head: RequestHead): HeadStatus {
    const { callbacks } = this;
    const { info } = callbacks;
    const settings = settingsOf(callbacks.perRouteConfig(), this.configured);
    if (settings === null) return 'continue';
    const { stats } = settings;
    if (settings.shadowRules !== null) this.shadow(settings.shadowRules, settings, head);
    if (settings.rules === null) return 'continue';
    const { allowed, policy, logHint } = decideRbac(settings.rules, head, info);
    if (logHint !== null) note(info, 'envoy.common', { access_log_hint: logHint });
    (allowed ? stats.allowed : stats.denied).inc();
    if (policy !== null) stats.ofPolicy?.(policy, allowed ? 'allowed' : 'denied');
    if (allowed) return 'continue';
    callbacks.sendLocalReply(403, 'RBAC: access denied', null, deniedDetails(policy));
    return 'stop-all';
  }

  private shadow(rules: RbacEngine, settings: RbacSettings, head: RequestHead): void {
    const { info } = this.callbacks;
    const { allowed, policy } = decideRbac(rules, head, info);
    (allowed ? settings.stats.shadowAllowed : settings.stats.shadowDenied).inc();
    if (policy !== null) settings.stats.ofPolicy?.(policy, allowed ? 'shadow_allowed' : 'shadow_denied');
    const prefix = settings.shadowPrefix;
    note(info, NAMESPACE, {
      [`${prefix}shadow_engine_result`]: allowed ? 'allowed' : 'denied',
      ...(policy === null ? {} : { [`${prefix}shadow_effective_policy_id`]: policy }),
    });
  }
}

function deniedDetails(policy: string | null): string {
  return `rbac_access_denied_matched_policy[${(policy ?? 'none').replace(/\s/g, '_')}]`;
}

function note(info: StreamInfo, namespace: string, values: Record<string, unknown>): void {
  info.dynamicMetadata ??= new Map();
  info.dynamicMetadata.set(namespace, { ...info.dynamicMetadata.get(namespace), ...values });
}

/** `envoy.filters.http.rbac`: who may do what. */
export const RBAC: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.rbac.v3.RBAC',
  routeTypes: ['envoy.extensions.filters.http.rbac.v3.RBACPerRoute'],
  compileRoute(config, ctx, environment) {
    const rbac = config.message('rbac');
    return rbac === undefined ? OFF : compileSettings(rbac, ctx, environment);
  },
  compile(name, config, ctx, environment) {
    const settings = compileSettings(config, ctx, environment);
    return {
      name,
      source: config.range,
      create: (callbacks) => new RbacFilter(callbacks, settings),
      explain(question, narrator) {
        const used = settingsOf(question.routeConfigs()[0], settings);
        if (used === null || used.rules === null) {
          narrator.note('neutral', 'RBAC: no rules here, everybody gets in', config.range);
          return null;
        }
        const { rules } = used;
        const { allowed, policy } = decideRbac(rules, question.head, question.info, narrator);
        const why = policy === null ? 'no policy matches' : `policy \`${policy}\` matches`;
        const action = rules.kind === 'rules' ? ` (action ${rules.action})` : '';
        narrator.note(
          allowed ? 'good' : 'bad',
          `RBAC: ${allowed ? 'allowed' : 'denied'}, ${why}${action}`,
          config.range,
        );
        return allowed ? null : { status: 403, flags: '', details: deniedDetails(policy) };
      },
    };
  },
};
