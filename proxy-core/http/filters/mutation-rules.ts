import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { compileRegex, type Regex } from '../../route/regex.ts';

/** `envoy.config.common.mutation_rules.v3.HeaderMutationRules`, compiled: what a service may change. */
export interface MutationRules {
  readonly allowAllRouting: boolean;
  readonly allowEnvoy: boolean;
  readonly disallowSystem: boolean;
  readonly disallowAll: boolean;
  readonly allowExpression: Regex | null;
  readonly disallowExpression: Regex | null;
  /** A change that is not allowed fails the request instead of being left out. */
  readonly disallowIsError: boolean;
}

export function compileMutationRules(reader: MessageReader | undefined, ctx: CompileContext): MutationRules {
  const allow = reader?.message('allow_expression');
  const disallow = reader?.message('disallow_expression');
  return {
    allowAllRouting: reader?.bool('allow_all_routing') ?? false,
    allowEnvoy: reader?.bool('allow_envoy') ?? false,
    disallowSystem: reader?.bool('disallow_system') ?? false,
    disallowAll: reader?.bool('disallow_all') ?? false,
    allowExpression: allow === undefined ? null : compileRegex(allow, ctx),
    disallowExpression: disallow === undefined ? null : compileRegex(disallow, ctx),
    disallowIsError: reader?.bool('disallow_is_error') ?? false,
  };
}

const ROUTING = new Set(['host', ':authority', ':scheme', ':method']);

/** Whether a header may be set (Envoy: MutationRules Checker); `name` in lower case. */
export function maySet(rules: MutationRules, name: string): boolean {
  if (rules.disallowExpression?.fullMatch(name) === true) return false;
  if (rules.allowExpression?.fullMatch(name) === true) return true;
  if (rules.disallowAll) return false;
  if (name.startsWith(':') && rules.disallowSystem) return false;
  if (ROUTING.has(name)) return rules.allowAllRouting;
  return rules.allowEnvoy || !name.startsWith('x-envoy');
}

/** System headers and the host are never removed. */
export function mayRemove(rules: MutationRules, name: string): boolean {
  return !name.startsWith(':') && name !== 'host' && maySet(rules, name);
}
