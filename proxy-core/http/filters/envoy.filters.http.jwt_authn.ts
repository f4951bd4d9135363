import { headerValue } from '../../base/headers.ts';
import type { Counter, Stats } from '../../base/stats.ts';
import type { RequestHead, StreamInfo } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { SourceRange } from '../../config/diagnostic.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { Narrator } from '../../facade/decision.ts';
import {
  compileRouteMatch,
  firstFailure,
  matchText,
  pathView,
  type RouteMatch,
} from '../../route/route-match.ts';
import type { FilterAnswer, FilterCallbacks, FilterQuestion, HeadStatus, HttpFilter } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';
import { compileProvider, type JwtProvider } from './jwt-provider.ts';
import { compileRequirement, type JwtRequirement } from './jwt-requirement.ts';
import { JwtStatus } from './jwt-status.ts';
import { type JwtContext, verifyRequirement } from './jwt-verify.ts';
import { noteService } from './service-watch.ts';

const NAMESPACE = 'envoy.filters.http.jwt_authn';

interface JwtRule {
  readonly match: RouteMatch;
  /** Null: open. */
  readonly requirement: JwtRequirement | null;
  readonly source: SourceRange;
}

/** `envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication`, compiled. */
interface JwtSettings {
  readonly name: string;
  readonly source: SourceRange;
  readonly providers: ReadonlyMap<string, JwtProvider>;
  readonly rules: readonly JwtRule[];
  readonly requirements: ReadonlyMap<string, JwtRequirement>;
  readonly bypassCorsPreflight: boolean;
  readonly stripFailureResponse: boolean;
  readonly stats: JwtStats;
}

interface JwtStats {
  readonly allowed: Counter;
  readonly denied: Counter;
  readonly preflightBypassed: Counter;
  readonly cacheHit: Counter;
  readonly cacheMiss: Counter;
  readonly fetchSuccess: Counter;
  readonly fetchFailed: Counter;
}

/** `PerRouteConfig`, compiled. */
interface JwtRouteSettings {
  readonly disabled: boolean;
  readonly requirementName: string;
}

function compileStats(stats: Stats, statPrefix: string): JwtStats {
  const counter = (name: string): Counter => stats.counter(`${statPrefix}jwt_authn.${name}`);
  return {
    allowed: counter('allowed'),
    denied: counter('denied'),
    preflightBypassed: counter('cors_preflight_bypassed'),
    cacheHit: counter('jwt_cache_hit'),
    cacheMiss: counter('jwt_cache_miss'),
    fetchSuccess: counter('jwks_fetch_success'),
    fetchFailed: counter('jwks_fetch_failed'),
  };
}

function compileSettings(
  name: string,
  reader: MessageReader,
  ctx: CompileContext,
  stats: JwtStats,
): JwtSettings {
  const providers = new Map<string, JwtProvider>();
  for (const [key, provider] of reader.messageMap('providers')) {
    const compiled = compileProvider(key, provider, ctx);
    if (compiled.remote !== null) {
      compiled.remote.observer = {
        onFetched: (ok) => (ok ? stats.fetchSuccess : stats.fetchFailed).inc(),
      };
    }
    providers.set(key, compiled);
  }
  const requirements = new Map<string, JwtRequirement>();
  for (const [key, requirement] of reader.messageMap('requirement_map')) {
    requirements.set(key, compileRequirement(requirement, providers, ctx));
  }
  return {
    name,
    source: reader.range,
    providers,
    rules: reader.messages('rules').map((rule) => compileRule(rule, providers, requirements, ctx)),
    requirements,
    bypassCorsPreflight: reader.bool('bypass_cors_preflight') ?? false,
    stripFailureResponse: reader.bool('strip_failure_response') ?? false,
    stats,
  };
}

function compileRule(
  reader: MessageReader,
  providers: ReadonlyMap<string, JwtProvider>,
  requirements: ReadonlyMap<string, JwtRequirement>,
  ctx: CompileContext,
): JwtRule {
  const matchReader = reader.message('match') as MessageReader;
  const match = compileRouteMatch(matchReader, ctx);
  const name = reader.string('requirement_name');
  const requires = reader.message('requires');
  let requirement: JwtRequirement | null =
    requires === undefined ? null : compileRequirement(requires, providers, ctx);
  if (name !== undefined) {
    requirement = requirements.get(name) ?? null;
    if (requirement === null) {
      const message = `Wrong requirement_name: ${name}. It should be one of [${[...requirements.keys()].join(',')}]`;
      ctx.report('error', 'filter.jwt-requirement', reader, 'requirement_name', message);
    }
  }
  return { match, requirement, source: reader.range };
}

/** Which requirement holds for a request, and the words of a route that names one that is not there. */
type Selection =
  | { readonly kind: 'open'; readonly why: string }
  | { readonly kind: 'required'; readonly requirement: JwtRequirement; readonly why: string }
  | { readonly kind: 'wrong'; readonly message: string };

function select(
  settings: JwtSettings,
  ofRoute: JwtRouteSettings | undefined,
  head: RequestHead,
  info: StreamInfo,
  runtime: ReadonlyMap<string, unknown>,
): Selection {
  if (ofRoute !== undefined) {
    if (ofRoute.disabled) return { kind: 'open', why: 'the route switches the check off' };
    const { requirementName: name } = ofRoute;
    const requirement = settings.requirements.get(name);
    const names = [...settings.requirements.keys()].join(',');
    return requirement === undefined
      ? { kind: 'wrong', message: `Wrong requirement_name: ${name}. It should be one of [${names}]` }
      : { kind: 'required', requirement, why: `the route requires \`${name}\`` };
  }
  const input = {
    head,
    random: info.random,
    tls: info.connection.tls !== null,
    internal: false,
    runtime,
    metadata: info.dynamicMetadata,
  };
  const view = pathView(head.path, false);
  for (const { match, requirement } of settings.rules) {
    if (firstFailure(match, input, view) !== null) continue;
    const why = `rule ${matchText(match)} matches`;
    return requirement === null || requirement.kind === 'none'
      ? { kind: 'open', why: `${why} and requires nothing` }
      : { kind: 'required', requirement, why };
  }
  return { kind: 'open', why: 'no rule matches' };
}

/** Checks JSON Web Tokens (Envoy: JwtAuthn::Filter). */
class JwtFilter implements HttpFilter {
  private context: JwtContext | null = null;
  private stopped = false;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly settings: JwtSettings,
  ) {}

  decodeHead(head: RequestHead): HeadStatus {
    const { callbacks, settings } = this;
    const { info, client, clock, runtime } = callbacks;
    const { stats } = settings;
    if (settings.bypassCorsPreflight && isPreflight(head)) {
      stats.preflightBypassed.inc();
      stats.allowed.inc();
      return 'continue';
    }
    const ofRoute = callbacks.perRouteConfig() as JwtRouteSettings | undefined;
    const selection = select(settings, ofRoute, head, info, runtime);
    if (selection.kind === 'open') {
      stats.allowed.inc();
      return 'continue';
    }
    if (selection.kind === 'wrong') {
      stats.denied.inc();
      const body = settings.stripFailureResponse ? '' : `Failed JWT authentication: ${selection.message}`;
      callbacks.sendLocalReply(403, body, null, detailsOf(selection.message));
      return 'stop-all';
    }
    const uri = `${head.scheme}://${head.authority}${originalPath(head).slice(0, 256)}`;
    const context = createContext(settings, head, clock.now(), clock.wall(), client);
    this.context = context;
    let waiting = true;
    verifyRequirement(selection.requirement, context, (outcome) => {
      waiting = false;
      this.onOutcome(outcome === 'needs-keys' ? JwtStatus.JwksFetchFail : outcome, context, uri);
    });
    if (!waiting) return 'continue';
    this.stopped = true;
    return 'stop-all';
  }

  private onOutcome(status: JwtStatus, context: JwtContext, uri: string): void {
    const { callbacks, settings } = this;
    const { info } = callbacks;
    if (context.cancelled) return;
    if (this.stopped) {
      noteService(info, `\`${settings.name}\` fetched keys; then: ${status}`);
    }
    if (Object.keys(context.metadata).length > 0) {
      info.dynamicMetadata ??= new Map();
      const known = info.dynamicMetadata.get(NAMESPACE);
      info.dynamicMetadata.set(NAMESPACE, { ...known, ...context.metadata });
    }
    if (status !== JwtStatus.Ok) {
      settings.stats.denied.inc();
      const code = statusCodeOf(status);
      if (settings.stripFailureResponse) {
        callbacks.sendLocalReply(code, '', null, detailsOf(status));
        return;
      }
      const error = status === JwtStatus.Missed ? '' : ', error="invalid_token"';
      const headers = ['www-authenticate', `Bearer realm="${uri}"${error}`];
      callbacks.sendLocalReply(code, status, null, detailsOf(status), headers);
      return;
    }
    if (context.clearRouteCache) callbacks.clearRouteCache();
    settings.stats.allowed.inc();
    if (this.stopped) callbacks.continueDecoding();
  }

  onDestroy(): void {
    if (this.context !== null) this.context.cancelled = true;
  }
}

function createContext(
  settings: JwtSettings,
  head: RequestHead,
  now: number,
  wall: number,
  client: JwtContext['client'],
): JwtContext {
  const { stats, providers } = settings;
  const dry = client === null;
  return {
    head,
    providers,
    client,
    now,
    time: Math.floor(wall / 1000),
    stats: {
      onCache: (hit) => {
        if (!dry) (hit ? stats.cacheHit : stats.cacheMiss).inc();
      },
    },
    metadata: {},
    clearRouteCache: false,
    cancelled: false,
  };
}

function statusCodeOf(status: JwtStatus): number {
  return status === JwtStatus.AudienceNotAllowed ? 403 : 401;
}

function detailsOf(message: string): string {
  return `jwt_authn_access_denied{${message.replaceAll(' ', '_')}}`;
}

function originalPath(head: RequestHead): string {
  return headerValue(head.headers, 'x-envoy-original-path') ?? head.path;
}

function isPreflight(head: RequestHead): boolean {
  if (head.method !== 'OPTIONS') return false;
  const origin = headerValue(head.headers, 'origin') ?? '';
  return origin !== '' && (headerValue(head.headers, 'access-control-request-method') ?? '') !== '';
}

function explain(settings: JwtSettings, question: FilterQuestion, narrator: Narrator): FilterAnswer | null {
  const { head, info, runtime } = question;
  const { name, source } = settings;
  if (settings.bypassCorsPreflight && isPreflight(head)) {
    narrator.note('neutral', `\`${name}\` lets CORS preflights pass`, source);
    return null;
  }
  const ofRoute = question.routeConfigs()[0] as JwtRouteSettings | undefined;
  const selection = select(settings, ofRoute, head, info, runtime);
  if (selection.kind === 'open') {
    narrator.note('neutral', `\`${name}\`: ${selection.why}, no token is asked for`, source);
    return null;
  }
  if (selection.kind === 'wrong') {
    narrator.note('bad', `\`${name}\`: ${selection.message}`, source);
    return { status: 403, flags: '', details: detailsOf(selection.message) };
  }
  // On a copy: what a good token changes in the head is not part of the question. As of when the request came.
  const copy = { ...head, headers: [...head.headers] };
  const context = createContext(settings, copy, info.start, info.startWall, null);
  const told = { answer: null as FilterAnswer | null };
  verifyRequirement(selection.requirement, context, (outcome) => {
    if (outcome === 'needs-keys') {
      narrator.note('neutral', `\`${name}\`: ${selection.why}; its keys have to be fetched first`, source);
    } else if (outcome === JwtStatus.Ok) {
      narrator.note('good', `\`${name}\`: ${selection.why}, and the request fulfils it`, source);
    } else {
      narrator.note('bad', `\`${name}\`: ${selection.why}, but: ${outcome}`, source);
      told.answer = { status: statusCodeOf(outcome), flags: '', details: detailsOf(outcome) };
    }
  });
  return told.answer;
}

/** `envoy.filters.http.jwt_authn`. */
export const JWT_AUTHN: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication',
  routeTypes: ['envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig'],
  compileRoute: (reader): JwtRouteSettings => ({
    disabled: reader.bool('disabled') ?? false,
    requirementName: reader.string('requirement_name') ?? '',
  }),
  compile(name, config, ctx, { stats, statPrefix }) {
    const settings = compileSettings(name, config, ctx, compileStats(stats, statPrefix));
    if (config.has('filter_state_rules')) {
      const message = `filter_state_rules are not emulated, and they decide who gets in: requests would pass without the token that they ask for. Use rules instead.`;
      ctx.report('error', 'filter.decides-access', config, 'filter_state_rules', message);
    }
    return {
      name,
      source: config.range,
      create: (callbacks) => new JwtFilter(callbacks, settings),
      explain: (question, narrator) => explain(settings, question, narrator),
      start: (client) => {
        for (const { remote } of settings.providers.values()) remote?.start(client);
      },
      stop: () => {
        for (const { remote } of settings.providers.values()) remote?.stop();
      },
    };
  },
};
