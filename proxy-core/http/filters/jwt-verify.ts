import type { RequestHead } from '../../base/stream-info.ts';
import type { AsyncClient } from '../async-client/client.ts';
import { type Jwks, verifySignature } from './jwks.ts';
import { type FoundToken, removeToken } from './jwt-extract.ts';
import { checkClaims, type JwtProvider } from './jwt-provider.ts';
import type { JwtProviders, JwtRequirement } from './jwt-requirement.ts';
import { JwtStatus, statusNumber } from './jwt-status.ts';
import { claimAt, type Jwt, parseJwt } from './jwt-token.ts';

/** What the checks of one request share. */
export interface JwtContext {
  readonly head: RequestHead;
  readonly providers: JwtProviders;
  /** Null in a dry run: keys that are not here are not fetched. */
  readonly client: AsyncClient | null;
  /** Monotonic milliseconds, for the age of keys. */
  readonly now: number;
  /** Seconds since 1970. */
  readonly time: number;
  readonly stats: { onCache(hit: boolean): void };
  /** What goes into the dynamic metadata of the filter. */
  readonly metadata: Record<string, unknown>;
  /** Some provider wants the route found anew. */
  clearRouteCache: boolean;
  /** The stream is over: nothing may be called back. */
  cancelled: boolean;
}

/** `needs-keys`: only in a dry run, where keys would have to be fetched first. */
export type JwtOutcome = JwtStatus | 'needs-keys';
type Done = (outcome: JwtOutcome) => void;

/** Checks a requirement (Envoy: Verifier). `done` is called exactly once, perhaps before this returns. */
export function verifyRequirement(requirement: JwtRequirement, context: JwtContext, done: Done): void {
  switch (requirement.kind) {
    case 'none':
      done(JwtStatus.Ok);
      return;
    case 'provider': {
      const { provider, audiences, extractor } = requirement;
      extractor.sanitize(context.head.headers);
      const tokens = extractor.extract(context.head);
      new Authenticator(context, provider, audiences, false, false, tokens, done).run();
      return;
    }
    case 'allow-missing':
    case 'allow-missing-or-failed': {
      const { extractor, kind } = requirement;
      extractor.sanitize(context.head.headers);
      const tokens = extractor.extract(context.head);
      const failed = kind === 'allow-missing-or-failed';
      new Authenticator(context, null, null, failed, true, tokens, done).run();
      return;
    }
    case 'any':
    case 'all':
      verifyGroup(requirement.of, requirement.kind === 'all', context, done);
  }
}

/** One after the other until it is clear; what could not be checked in time answers later. */
function verifyGroup(of: readonly JwtRequirement[], all: boolean, context: JwtContext, done: Done): void {
  let completed = false;
  let answered = 0;
  let worst: JwtOutcome = JwtStatus.Missed;
  const onOne = (outcome: JwtOutcome): void => {
    if (completed) return;
    answered++;
    const ok = outcome === JwtStatus.Ok;
    if (!ok && weight(outcome) >= weight(worst)) worst = outcome;
    if (ok === all && answered < of.length) return;
    completed = true;
    done(ok ? JwtStatus.Ok : all ? outcome : worst);
  };
  for (const each of of) {
    if (completed) return;
    verifyRequirement(each, context, onOne);
  }
  if (of.length === 0) done(JwtStatus.Ok);
}

/** Of several failures the one that says most about a token that was meant. */
function weight(outcome: JwtOutcome): number {
  if (outcome === JwtStatus.Missed) return 0;
  return outcome === JwtStatus.UnknownIssuer ? 1 : 2;
}

/** Checks the tokens of one provider, or of all for what may be missing (Envoy: AuthenticatorImpl). */
class Authenticator {
  constructor(
    private readonly context: JwtContext,
    private readonly provider: JwtProvider | null,
    private readonly audiences: ReadonlySet<string> | null,
    private readonly allowFailed: boolean,
    private readonly allowMissing: boolean,
    private readonly tokens: FoundToken[],
    private readonly done: Done,
  ) {}

  run(): void {
    // The last one first; unless some may fail, all must be good.
    const found = this.tokens.pop();
    if (found === undefined) this.finish(JwtStatus.Missed);
    else this.check(found);
  }

  private check(found: FoundToken): void {
    const { context, provider } = this;
    let jwt: Jwt | null = null;
    if (provider !== null) {
      jwt = provider.cache?.lookup(found.token) ?? null;
      context.stats.onCache(jwt !== null);
    }
    const cached = jwt !== null;
    if (jwt === null) {
      const parsed = parseJwt(found.token);
      if (typeof parsed === 'string') {
        this.finish(parsed);
        return;
      }
      jwt = parsed;
    }
    const allowed = found.issuers.size === 0 || found.issuers.has(jwt.issuer);
    const responsible = provider ?? providerOf(context.providers, jwt.issuer);
    if (!allowed || responsible === null) {
      this.finish(JwtStatus.UnknownIssuer);
      return;
    }
    const claims = checkClaims(jwt, responsible, this.audiences ?? responsible.audiences, context.time);
    if (claims !== JwtStatus.Ok) {
      if (cached) responsible.cache?.remove(found.token);
      this.finish(claims);
      return;
    }
    if (cached) this.accept(found, jwt, responsible, true);
    else this.checkSignature(found, jwt, responsible);
  }

  private checkSignature(found: FoundToken, jwt: Jwt, provider: JwtProvider): void {
    const { context } = this;
    const keys = provider.local ?? provider.remote?.current(context.now) ?? null;
    if (keys !== null) {
      this.verify(found, jwt, provider, keys);
    } else if (provider.remote === null) {
      this.finish(JwtStatus.JwksNoValidKeys);
    } else if (context.client === null) {
      this.done('needs-keys');
    } else {
      provider.remote.fetch(context.client, (fetched) => {
        if (context.cancelled) return;
        if (fetched === null) this.finish(JwtStatus.JwksFetchFail);
        else this.verify(found, jwt, provider, fetched);
      });
    }
  }

  private verify(found: FoundToken, jwt: Jwt, provider: JwtProvider, keys: Jwks): void {
    const status = verifySignature(jwt, keys);
    if (status === JwtStatus.Ok) this.accept(found, jwt, provider, false);
    else this.finish(status);
  }

  private accept(found: FoundToken, jwt: Jwt, provider: JwtProvider, cached: boolean): void {
    const { head, metadata } = this.context;
    const { headers } = head;
    if (provider.forwardPayloadHeader !== '') {
      const padding = provider.padPayload ? '='.repeat((4 - (jwt.payloadText.length % 4)) % 4) : '';
      headers.push(provider.forwardPayloadHeader, jwt.payloadText + padding);
    }
    for (const { header, claim } of provider.claimToHeaders) {
      const text = claimText(claimAt(jwt.payload, claim));
      if (text !== '') headers.push(header, text);
    }
    if (!provider.forward) removeToken(head, found);
    if (provider.headerInMetadata !== '') metadata[provider.headerInMetadata] = jwt.header;
    if (provider.payloadInMetadata !== '') metadata[provider.payloadInMetadata] = payloadOf(jwt, provider);
    if (provider.clearRouteCache) this.context.clearRouteCache = true;
    if (this.provider !== null && !cached) provider.cache?.insert(found.token, jwt);
    this.finish(JwtStatus.Ok);
  }

  private finish(status: JwtStatus): void {
    const ok = status === JwtStatus.Ok;
    const name = this.provider?.failedStatusInMetadata ?? '';
    if (!ok && name !== '') {
      this.context.metadata[name] = { code: statusNumber(status), message: status };
    }
    if (this.tokens.length > 0 && (ok || this.allowFailed || this.allowMissing)) {
      this.run();
      return;
    }
    const passes = this.allowFailed || (this.allowMissing && status === JwtStatus.Missed);
    this.done(passes ? JwtStatus.Ok : status);
  }
}

/** The first provider of that issuer, else the first one that takes any. */
function providerOf(providers: JwtProviders, issuer: string): JwtProvider | null {
  let any: JwtProvider | null = null;
  for (const provider of providers.values()) {
    if (provider.issuer === issuer) return provider;
    if (provider.issuer === '') any ??= provider;
  }
  return any;
}

function payloadOf(jwt: Jwt, provider: JwtProvider): Readonly<Record<string, unknown>> {
  if (provider.spaceDelimitedClaims.length === 0) return jwt.payload;
  const payload = { ...jwt.payload };
  for (const claim of provider.spaceDelimitedClaims) {
    const value = payload[claim];
    if (typeof value === 'string') payload[claim] = value.split(' ').filter((part) => part !== '');
  }
  return payload;
}

// A header value must stay on its line, whatever a claim holds.
const BREAKS = /[\0\r\n]/g;

/** A claim as a header value; empty when there is nothing to tell. Objects and lists are JSON in base64. */
function claimText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return Buffer.from(value, 'utf8').toString('latin1').replace(BREAKS, ' ');
    case 'number':
      return Number.isInteger(value) && value >= 0 ? String(value) : value.toFixed(6);
    case 'boolean':
      return String(value);
    case 'object':
      return value === null ? '' : Buffer.from(JSON.stringify(value), 'utf8').toString('base64');
    default:
      return '';
  }
}
