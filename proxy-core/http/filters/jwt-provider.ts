import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { readDataSource } from '../../route/data-source.ts';
import { compileStringMatcher, matchesString, type StringMatcher } from '../../route/string-matcher.ts';
import { type Jwks, parseJwks } from './jwks.ts';
import { compileRemoteJwks, RemoteJwks } from './jwks-fetcher.ts';
import { JwtStatus } from './jwt-status.ts';
import type { Jwt } from './jwt-token.ts';

/** `envoy.extensions.filters.http.jwt_authn.v3.JwtProvider`, compiled; holds the keys and the tokens that were good. */
export interface JwtProvider {
  readonly name: string;
  /** Empty: any. */
  readonly issuer: string;
  readonly audiences: ReadonlySet<string>;
  readonly subjects: StringMatcher | null;
  readonly requireExpiration: boolean;
  /** Seconds; null = any. */
  readonly maxLifetime: number | null;
  readonly local: Jwks | null;
  readonly remote: RemoteJwks | null;
  readonly forward: boolean;
  readonly fromHeaders: readonly { readonly name: string; readonly prefix: string }[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  readonly forwardPayloadHeader: string;
  readonly padPayload: boolean;
  readonly payloadInMetadata: string;
  readonly headerInMetadata: string;
  readonly failedStatusInMetadata: string;
  readonly spaceDelimitedClaims: readonly string[];
  /** Seconds. */
  readonly clockSkew: number;
  readonly claimToHeaders: readonly { readonly header: string; readonly claim: string }[];
  readonly clearRouteCache: boolean;
  readonly cache: JwtCache | null;
}

/** Good tokens, so that their signature is verified once; the least recently used one goes first. */
export class JwtCache {
  private readonly tokens = new Map<string, Jwt>();

  constructor(private readonly size: number) {}

  lookup(token: string): Jwt | null {
    const jwt = this.tokens.get(token);
    if (jwt === undefined) return null;
    this.tokens.delete(token);
    this.tokens.set(token, jwt);
    return jwt;
  }

  remove(token: string): void {
    this.tokens.delete(token);
  }

  insert(token: string, jwt: Jwt): void {
    // Envoy: kMaxJwtSizeForCache.
    if (token.length > 4096) return;
    this.tokens.set(token, jwt);
    const oldest = this.tokens.size > this.size ? this.tokens.keys().next().value : undefined;
    if (oldest !== undefined) this.tokens.delete(oldest);
  }
}

export function compileProvider(name: string, reader: MessageReader, ctx: CompileContext): JwtProvider {
  const local = reader.message('local_jwks');
  const remote = reader.message('remote_jwks');
  const subjects = reader.message('subjects');
  const maxLifetime = reader.duration('max_lifetime');
  const cache = reader.message('jwt_cache_config');
  const audiences = reader.strings('audiences');
  return {
    name,
    issuer: reader.string('issuer') ?? '',
    audiences: new Set(audiences.map(plainAudience)),
    subjects: subjects === undefined ? null : compileStringMatcher(subjects, ctx),
    requireExpiration: reader.bool('require_expiration') ?? false,
    maxLifetime: maxLifetime === undefined ? null : maxLifetime / 1000,
    local: local === undefined ? null : compileLocal(name, local, reader, ctx),
    remote: remote === undefined ? null : new RemoteJwks(name, compileRemoteJwks(remote, ctx)),
    forward: reader.bool('forward') ?? false,
    fromHeaders: reader.messages('from_headers').map((each) => ({
      name: (each.string('name') ?? '').toLowerCase(),
      prefix: each.string('value_prefix') ?? '',
    })),
    fromParams: reader.strings('from_params'),
    fromCookies: reader.strings('from_cookies'),
    forwardPayloadHeader: (reader.string('forward_payload_header') ?? '').toLowerCase(),
    padPayload: reader.bool('pad_forward_payload_header') ?? false,
    payloadInMetadata: reader.string('payload_in_metadata') ?? '',
    headerInMetadata: reader.string('header_in_metadata') ?? '',
    failedStatusInMetadata: reader.string('failed_status_in_metadata') ?? '',
    spaceDelimitedClaims:
      reader.message('normalize_payload_in_metadata')?.strings('space_delimited_claims') ?? [],
    clockSkew: reader.number('clock_skew_seconds') || 60,
    claimToHeaders: reader.messages('claim_to_headers').map((each) => ({
      header: (each.string('header_name') ?? '').toLowerCase(),
      claim: each.string('claim_name') ?? '',
    })),
    clearRouteCache: reader.bool('clear_route_cache') ?? false,
    cache: cache === undefined ? null : new JwtCache(cache.number('jwt_cache_size') || 100),
  };
}

function compileLocal(
  name: string,
  local: MessageReader,
  reader: MessageReader,
  ctx: CompileContext,
): Jwks | null {
  const text = readDataSource(local, ctx);
  if (text === null) return null;
  const jwks = parseJwks(text);
  if (typeof jwks !== 'string') return jwks;
  ctx.report(
    'error',
    'filter.jwks',
    reader,
    'local_jwks',
    `Provider '${name}' in jwt_authn config has invalid local jwks: ${jwks}`,
  );
  return null;
}

/** Audiences compare without their scheme and last slash (jwt_verify_lib: CheckAudience). */
export function plainAudience(audience: string): string {
  return audience.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

export function audienceAllowed(allowed: ReadonlySet<string>, audiences: readonly string[]): boolean {
  return allowed.size === 0 || audiences.some((each) => allowed.has(plainAudience(each)));
}

/** The claims of a token whose signature is not looked at yet; `now` in seconds since 1970. */
export function checkClaims(
  jwt: Jwt,
  provider: JwtProvider,
  audiences: ReadonlySet<string>,
  now: number,
): JwtStatus {
  const { clockSkew } = provider;
  if (now + clockSkew < jwt.notBefore) return JwtStatus.NotYetValid;
  if (jwt.expires !== 0 && now > jwt.expires + clockSkew) return JwtStatus.Expired;
  if (provider.requireExpiration && jwt.expires === 0) return JwtStatus.VerificationFail;
  if (provider.subjects !== null && !matchesString(provider.subjects, jwt.subject)) {
    return JwtStatus.VerificationFail;
  }
  if (provider.maxLifetime !== null) {
    if (jwt.expires === 0 || jwt.expires - now > provider.maxLifetime) return JwtStatus.VerificationFail;
  }
  return audienceAllowed(audiences, jwt.audiences) ? JwtStatus.Ok : JwtStatus.AudienceNotAllowed;
}
