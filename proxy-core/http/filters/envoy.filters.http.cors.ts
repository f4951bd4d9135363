import { headerValue, setHeader } from '../../base/headers.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { SourceRange } from '../../config/diagnostic.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { Narrator } from '../../facade/decision.ts';
import { type Fraction, fractionHits } from '../../route/fraction.ts';
import { CORS_FIELD } from '../../route/per-filter.ts';
import {
  compileStringMatcher,
  matchesString,
  type StringMatcher,
  stringMatcherText,
} from '../../route/string-matcher.ts';
import type { FilterCallbacks, HeadStatus, HttpFilter } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';
import { compileRuntimePercent } from './percent.ts';

/** `CorsPolicy`, typed or the deprecated field. Empty texts and null say nothing: a less specific level may. */
interface CorsPolicy {
  readonly allowOrigins: readonly StringMatcher[];
  readonly allowMethods: string;
  readonly allowHeaders: string;
  readonly exposeHeaders: string;
  readonly maxAge: string;
  readonly allowCredentials: boolean | null;
  readonly allowPrivateNetworkAccess: boolean | null;
  readonly forwardNotMatchingPreflights: boolean | null;
  readonly enabled: Fraction;
  readonly shadowEnabled: Fraction;
  readonly source: SourceRange;
}

const FIELD_TYPE = 'envoy.config.route.v3.CorsPolicy';

function compilePolicy(reader: MessageReader, ctx: CompileContext): CorsPolicy {
  if (reader.type === FIELD_TYPE) {
    ctx.report(
      'notice',
      'filter.deprecated-cors',
      reader,
      '',
      'The field `cors` is deprecated: give the policy as typed_per_filter_config of envoy.filters.http.cors.',
    );
  }
  return {
    allowOrigins: reader.messages('allow_origin_string_match').map((each) => compileStringMatcher(each, ctx)),
    allowMethods: reader.string('allow_methods') ?? '',
    allowHeaders: reader.string('allow_headers') ?? '',
    exposeHeaders: reader.string('expose_headers') ?? '',
    maxAge: reader.string('max_age') ?? '',
    allowCredentials: reader.bool('allow_credentials') ?? null,
    allowPrivateNetworkAccess: reader.bool('allow_private_network_access') ?? null,
    forwardNotMatchingPreflights: reader.bool('forward_not_matching_preflights') ?? null,
    enabled: compileRuntimePercent(reader, 'filter_enabled', 100, ctx),
    shadowEnabled: compileRuntimePercent(reader, 'shadow_enabled', 0, ctx),
    source: reader.range,
  };
}

/** The deprecated fields count only when no typed policy is there. */
function policiesOf(from: Pick<FilterCallbacks, 'routeConfigs'>): readonly CorsPolicy[] {
  const typed = from.routeConfigs() as readonly CorsPolicy[];
  return typed.length > 0 ? typed : (from.routeConfigs(CORS_FIELD) as readonly CorsPolicy[]);
}

function firstText(
  policies: readonly CorsPolicy[],
  field: 'allowMethods' | 'allowHeaders' | 'exposeHeaders' | 'maxAge',
): string {
  for (const policy of policies) if (policy[field] !== '') return policy[field];
  return '';
}

function firstFlag(
  policies: readonly CorsPolicy[],
  field: 'allowCredentials' | 'allowPrivateNetworkAccess' | 'forwardNotMatchingPreflights',
  otherwise: boolean,
): boolean {
  for (const policy of policies) if (policy[field] !== null) return policy[field];
  return otherwise;
}

/** A matcher that takes the text `*` takes every origin (Envoy: CorsFilter::isOriginAllowed). */
function originAllowed(policies: readonly CorsPolicy[], origin: string): boolean {
  const origins = policies.find((policy) => policy.allowOrigins.length > 0)?.allowOrigins ?? [];
  return origins.some((matcher) => matchesString(matcher, '*') || matchesString(matcher, origin));
}

interface CorsVerdict {
  /** Null: the request is no CORS request, or CORS is off for it. */
  readonly origin: string | null;
  readonly allowed: boolean;
  readonly enforced: boolean;
  /** Headers of the answer to a preflight; null when the request goes on. */
  readonly preflight: string[] | null;
}

const NO_CORS: CorsVerdict = { origin: null, allowed: false, enforced: false, preflight: null };

function decideCors(
  policies: readonly CorsPolicy[],
  head: RequestHead,
  draw: () => number,
  runtime: ReadonlyMap<string, unknown>,
  narrator: Narrator | null,
): CorsVerdict {
  const first = policies[0];
  if (first === undefined) {
    narrator?.note('neutral', 'CORS: no policy for this route', null);
    return NO_CORS;
  }
  const enforced = fractionHits(first.enabled, draw(), runtime);
  if (!enforced && !fractionHits(first.shadowEnabled, draw(), runtime)) return NO_CORS;
  const origin = headerValue(head.headers, 'origin') ?? '';
  if (origin === '') {
    narrator?.note('neutral', 'CORS: the request has no `origin`, nothing to do', first.source);
    return NO_CORS;
  }
  const allowed = originAllowed(policies, origin);
  if (narrator !== null) {
    const wanted = first.allowOrigins.map(stringMatcherText).join(' or ') || 'nothing';
    narrator.note(
      allowed ? 'good' : 'bad',
      allowed
        ? `CORS: origin \`${origin}\` is allowed`
        : `CORS: origin \`${origin}\` is not allowed (${wanted} is); the request goes on, the browser will refuse the answer`,
      first.source,
    );
  }
  return {
    origin,
    allowed,
    enforced,
    preflight: enforced ? preflightAnswer(policies, head, origin, allowed) : null,
  };
}

function preflightAnswer(
  policies: readonly CorsPolicy[],
  head: RequestHead,
  origin: string,
  allowed: boolean,
): string[] | null {
  if (head.method !== 'OPTIONS') return null;
  const method = headerValue(head.headers, 'access-control-request-method') ?? '';
  if (method === '') return null;
  if (!allowed && firstFlag(policies, 'forwardNotMatchingPreflights', true)) return null;
  const headers: string[] = [];
  if (allowed) headers.push('access-control-allow-origin', origin);
  if (firstFlag(policies, 'allowCredentials', false))
    headers.push('access-control-allow-credentials', 'true');
  const methods = firstText(policies, 'allowMethods');
  if (methods !== '') headers.push('access-control-allow-methods', methods === '*' ? method : methods);
  const names = firstText(policies, 'allowHeaders');
  if (names !== '') {
    const asked = headerValue(head.headers, 'access-control-request-headers') ?? '';
    headers.push('access-control-allow-headers', names === '*' ? asked : names);
  }
  const maxAge = firstText(policies, 'maxAge');
  if (maxAge !== '') headers.push('access-control-max-age', maxAge);
  if (
    firstFlag(policies, 'allowPrivateNetworkAccess', false) &&
    headerValue(head.headers, 'access-control-request-private-network') === 'true'
  ) {
    headers.push('access-control-allow-private-network', 'true');
  }
  return headers;
}

/** Marks answers to allowed origins and answers preflights; never refuses a request (W3C CORS). */
class CorsFilter implements HttpFilter {
  private policies: readonly CorsPolicy[] = [];
  private latchedOrigin = '';

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly onOrigin: (allowed: boolean) => void,
  ) {}

  decodeHead(head: RequestHead): HeadStatus {
    const { callbacks } = this;
    if (callbacks.route?.action.kind !== 'cluster') return 'continue';
    this.policies = policiesOf(callbacks);
    const verdict = decideCors(this.policies, head, () => callbacks.random(), callbacks.runtime, null);
    if (verdict.origin === null) return 'continue';
    this.onOrigin(verdict.allowed);
    if (!verdict.enforced) return 'continue';
    if (verdict.allowed) this.latchedOrigin = verdict.origin;
    if (verdict.preflight === null) return 'continue';
    callbacks.sendLocalReply(200, '', null, 'cors_response', verdict.preflight);
    return 'stop-all';
  }

  encodeHead(head: ResponseHead): HeadStatus {
    if (this.latchedOrigin === '') return 'continue';
    setHeader(head.headers, 'access-control-allow-origin', this.latchedOrigin);
    if (firstFlag(this.policies, 'allowCredentials', false)) {
      setHeader(head.headers, 'access-control-allow-credentials', 'true');
    }
    const expose = firstText(this.policies, 'exposeHeaders');
    if (expose !== '') setHeader(head.headers, 'access-control-expose-headers', expose);
    return 'continue';
  }
}

/** `envoy.filters.http.cors`: policies come from the route, the filter itself has no settings. */
export const CORS: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.cors.v3.Cors',
  routeTypes: ['envoy.extensions.filters.http.cors.v3.CorsPolicy', FIELD_TYPE],
  compileRoute: compilePolicy,
  compile(name, config, _ctx, { stats, statPrefix }) {
    const valid = stats.counter(`${statPrefix}cors.origin_valid`);
    const invalid = stats.counter(`${statPrefix}cors.origin_invalid`);
    const onOrigin = (allowed: boolean): void => (allowed ? valid : invalid).inc();
    return {
      name,
      source: config.range,
      create: (callbacks) => new CorsFilter(callbacks, onOrigin),
      explain(question, narrator) {
        if (question.route?.action.kind !== 'cluster') return null;
        const policies = policiesOf(question);
        const draw = (): number => question.random;
        const verdict = decideCors(policies, question.head, draw, question.runtime, narrator);
        if (verdict.preflight === null) return null;
        narrator.note('neutral', 'CORS: the proxy answers the preflight itself', policies[0]?.source ?? null);
        return { status: 200, flags: '', details: 'cors_response' };
      },
    };
  },
};
