import { ipRange } from '../../base/ip-range.ts';
import type { RequestHead, StreamInfo } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { Narrator } from '../../facade/decision.ts';
import { filterStateText } from '../../route/filter-state.ts';
import { compileHeaderMatcher, matchesHeader } from '../../route/header-matcher.ts';
import {
  compileMatchTree,
  connectionFacts,
  type HttpFacts,
  httpInput,
  type MatchTree,
  type MatchVocabulary,
  matchTree,
} from '../../route/matching/index.ts';
import { compileMetadataMatcher, matchesMetadata } from '../../route/metadata-matcher.ts';
import { compileStringMatcher, matchesString } from '../../route/string-matcher.ts';
import { parseUriTemplate } from '../../route/uri-template.ts';

/** A compiled permission or principal. */
type Rule = (head: RequestHead, info: StreamInfo) => boolean;

/** Who decides: named policies, or a generic matcher. */
export type RbacEngine = RbacRules | RbacMatcher;

/** `envoy.config.rbac.v3.RBAC`, compiled. */
export interface RbacRules {
  readonly kind: 'rules';
  readonly action: RbacAction;
  /** By name in order of the names, as Envoy's map keeps them. */
  readonly policies: readonly RbacPolicy[];
}

/** `matcher`: each leaf says what to do; where there is none, nobody gets in. */
export interface RbacMatcher {
  readonly kind: 'matcher';
  readonly tree: MatchTree<HttpFacts, NamedAction>;
}

export type RbacAction = 'ALLOW' | 'DENY' | 'LOG';

interface NamedAction {
  readonly name: string;
  readonly action: RbacAction;
}

interface RbacPolicy {
  readonly name: string;
  readonly matches: Rule;
}

export interface RbacVerdict {
  readonly allowed: boolean;
  /** Name of the policy or action that matched, else null. */
  readonly policy: string | null;
  /** What `access_log_hint` becomes; null leaves it alone. */
  readonly logHint: boolean | null;
}

/** Reads `rules` or `matcher` (`shadow_rules`, `shadow_matcher`) of an RBAC filter; a matcher goes before rules. */
export function compileRbacEngine(
  reader: MessageReader,
  prefix: '' | 'shadow_',
  level: 'HTTP' | 'network',
  ctx: CompileContext,
): RbacEngine | null {
  const matcher = reader.message(`${prefix}matcher`);
  const rules = reader.message(`${prefix}rules`);
  if (matcher !== undefined)
    return { kind: 'matcher', tree: compileMatchTree(matcher, vocabulary(level), ctx) };
  return rules === undefined ? null : compileRules(rules, ctx);
}

/** Of a connection there is no request to ask about. */
const ofRequestsAlone =
  /^envoy\.type\.matcher\.v3\.|^envoy\.extensions\.matching\.common_inputs\.network\.v3\.DynamicMetadataInput$/;

const vocabulary = (level: 'HTTP' | 'network'): MatchVocabulary<HttpFacts, NamedAction> => ({
  input: (config) => (level === 'network' && ofRequestsAlone.test(config.type) ? null : httpInput(config)),
  inputRefusal: (type) =>
    `requirement violation while creating RBAC match tree: INVALID_ARGUMENT: RBAC ${level} filter cannot match ${level === 'HTTP' ? 'on ' : ''}'type.googleapis.com/${type}'`,
  action: (config) =>
    config.type === 'envoy.config.rbac.v3.Action'
      ? { name: config.string('name') ?? '', action: actionOf(config) }
      : null,
});

function actionOf(reader: MessageReader): RbacAction {
  return (reader.enumeration('action') ?? 'ALLOW') as RbacAction;
}

function compileRules(reader: MessageReader, ctx: CompileContext): RbacRules {
  const policies = [...reader.messageMap('policies')]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, policy]): RbacPolicy => {
      const permissions = policy.messages('permissions').map((each) => compilePermission(each, ctx));
      const principals = policy.messages('principals').map((each) => compilePrincipal(each, ctx));
      if (policy.has('condition') || policy.has('checked_condition')) {
        notEmulated(policy, policy.has('condition') ? 'condition' : 'checked_condition', ctx);
        return { name, matches: NEVER };
      }
      return {
        name,
        matches: (head, info) =>
          permissions.some((rule) => rule(head, info)) && principals.some((rule) => rule(head, info)),
      };
    });
  return { kind: 'rules', action: actionOf(reader), policies };
}

export function decideRbac(
  engine: RbacEngine,
  head: RequestHead,
  info: StreamInfo,
  narrator: Narrator | null = null,
): RbacVerdict {
  if (engine.kind === 'matcher') {
    const facts: HttpFacts = {
      head,
      connection: connectionFacts(info.connection, info.remote.ip),
      peer: peerOf(info),
      metadata: info.dynamicMetadata,
      filterState: info.filterState,
    };
    const found = matchTree(engine.tree, facts, narrator);
    const logHint = found === null ? null : found.action === 'LOG';
    return { allowed: found !== null && found.action !== 'DENY', policy: found?.name ?? null, logHint };
  }
  const policy = engine.policies.find((each) => each.matches(head, info))?.name ?? null;
  const matched = policy !== null;
  const isLog = engine.action === 'LOG';
  return {
    allowed: isLog || matched === (engine.action === 'ALLOW'),
    policy,
    logHint: isLog ? matched : null,
  };
}

const NEVER: Rule = () => false;

function notEmulated(reader: MessageReader, field: string, ctx: CompileContext): void {
  ctx.report(
    'error',
    'filter.rbac-not-emulated',
    reader,
    field,
    `The RBAC rule \`${field}\` is not emulated. Without it the filter could let in what it should not.`,
  );
}

function compilePermission(reader: MessageReader, ctx: CompileContext): Rule {
  const set = (field: string): Rule[] =>
    (reader.message(field)?.messages('rules') ?? []).map((each) => compilePermission(each, ctx));
  if (reader.has('and_rules')) return all(set('and_rules'));
  if (reader.has('or_rules')) return some(set('or_rules'));
  const not = reader.message('not_rule');
  if (not !== undefined) return negate(compilePermission(not, ctx));
  const address = reader.message('destination_ip');
  if (address !== undefined) return inRange(address, (info) => info.connection.local.ip);
  const port = reader.number('destination_port');
  if (port !== undefined) return (_head, info) => info.connection.local.port === port;
  const range = reader.message('destination_port_range');
  if (range !== undefined) {
    const start = range.number('start') ?? 0;
    const end = range.number('end') ?? 0;
    return (_head, info) => info.connection.local.port >= start && info.connection.local.port < end;
  }
  const name = reader.message('requested_server_name');
  if (name !== undefined) {
    const matcher = compileStringMatcher(name, ctx);
    return (_head, info) => matchesString(matcher, info.connection.requestedServerName);
  }
  return compileCommon(reader, ctx);
}

function compilePrincipal(reader: MessageReader, ctx: CompileContext): Rule {
  const set = (field: string): Rule[] =>
    (reader.message(field)?.messages('ids') ?? []).map((each) => compilePrincipal(each, ctx));
  if (reader.has('and_ids')) return all(set('and_ids'));
  if (reader.has('or_ids')) return some(set('or_ids'));
  const not = reader.message('not_id');
  if (not !== undefined) return negate(compilePrincipal(not, ctx));
  const authenticated = reader.message('authenticated');
  if (authenticated !== undefined) return compileAuthenticated(authenticated, ctx);
  const direct = reader.message('direct_remote_ip') ?? reader.message('source_ip');
  if (direct !== undefined) return inRange(direct, (info) => info.connection.directRemote.ip);
  const remote = reader.message('remote_ip');
  if (remote !== undefined) return inRange(remote, (info) => info.remote.ip);
  const state = reader.message('filter_state');
  const wanted = state?.message('string_match');
  if (state !== undefined && wanted !== undefined) {
    const key = state.string('key') ?? '';
    const matcher = compileStringMatcher(wanted, ctx);
    return (_head, info) => {
      const text = filterStateText(info, key);
      return text !== undefined && matchesString(matcher, text);
    };
  }
  return compileCommon(reader, ctx);
}

/** Tests that permissions and principals share. */
function compileCommon(reader: MessageReader, ctx: CompileContext): Rule {
  if (reader.bool('any') === true) return () => true;
  const header = reader.message('header');
  if (header !== undefined) {
    const matcher = compileHeaderMatcher(header, ctx);
    return (head) => matchesHeader(matcher, head);
  }
  const path = reader.message('url_path')?.message('path');
  if (path !== undefined) {
    const matcher = compileStringMatcher(path, ctx);
    return (head) => matchesString(matcher, pathOnly(head.path));
  }
  const metadata = reader.message('metadata');
  if (metadata !== undefined) {
    const matcher = compileMetadataMatcher(metadata, ctx);
    return (_head, info) => matchesMetadata(matcher, info.dynamicMetadata);
  }
  const sourced = reader.message('sourced_metadata');
  const sourcedMatcher = sourced?.message('metadata_matcher');
  if (
    sourced !== undefined &&
    sourcedMatcher !== undefined &&
    sourced.enumeration('metadata_source') !== 'ROUTE'
  ) {
    const matcher = compileMetadataMatcher(sourcedMatcher, ctx);
    return (_head, info) => matchesMetadata(matcher, info.dynamicMetadata);
  }
  const template = reader.message('uri_template')?.message('typed_config');
  if (template?.type === 'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig') {
    const parsed = parseUriTemplate(template.string('path_template') ?? '');
    if (!('error' in parsed)) return (head) => parsed.regex.fullMatch(pathOnly(head.path));
    ctx.report('error', 'route.bad-template', template, 'path_template', parsed.error);
    return NEVER;
  }
  for (const field of ['matcher', 'sourced_metadata']) {
    if (reader.has(field)) notEmulated(reader, field, ctx);
  }
  return NEVER;
}

function pathOnly(path: string): string {
  const end = path.search(/[?#]/);
  return end < 0 ? path : path.slice(0, end);
}

/** The first URI name of the client's certificate, else its first DNS name, else its subject. */
function compileAuthenticated(reader: MessageReader, ctx: CompileContext): Rule {
  const name = reader.message('principal_name');
  if (name === undefined) return (_head, info) => peerOf(info) !== null;
  const matcher = compileStringMatcher(name, ctx);
  return (_head, info) => {
    const peer = peerOf(info);
    if (peer === null) return false;
    const names = peer.uriSans.length > 0 ? peer.uriSans : peer.dnsSans;
    return names.length > 0
      ? names.some((each) => matchesString(matcher, each))
      : matchesString(matcher, peer.subject);
  };
}

function peerOf(info: StreamInfo) {
  return info.connection.tls?.peer ?? null;
}

const all =
  (rules: readonly Rule[]): Rule =>
  (head, info) =>
    rules.every((rule) => rule(head, info));
const some =
  (rules: readonly Rule[]): Rule =>
  (head, info) =>
    rules.some((rule) => rule(head, info));
const negate =
  (rule: Rule): Rule =>
  (head, info) =>
    !rule(head, info);

/** `envoy.config.core.v3.CidrRange`. */
function inRange(reader: MessageReader, addressOf: (info: StreamInfo) => string): Rule {
  const range = ipRange(reader.string('address_prefix') ?? '', reader.number('prefix_len') ?? 0);
  return (_head, info) => range.holds(addressOf(info));
}
