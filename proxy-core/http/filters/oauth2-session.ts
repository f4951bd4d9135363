import { createHmac, timingSafeEqual } from 'node:crypto';
import type { HeaderList } from '../../base/headers.ts';
import type { RequestHead } from '../../base/stream-info.ts';
import { cookieValue } from '../../route/hash-policy.ts';
import type { OAuth2Settings } from './oauth2-settings.ts';

/** What the token endpoint gave. */
export interface Tokens {
  readonly access: string;
  readonly id: string;
  readonly refresh: string;
  /** Seconds. */
  readonly expiresIn: number;
}

/** A session as its cookies say it; only worth something when `valid`. */
export interface Session {
  readonly access: string;
  readonly valid: boolean;
}

export function hmac(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64');
}

function same(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The session of a request: signed for this host, and not over. `now` in seconds since 1970. */
export function sessionOf(head: RequestHead, { cookies, hmacSecret }: OAuth2Settings, now: number): Session {
  const value = (name: string): string => cookieValue(head, name) ?? '';
  const access = value(cookies.bearer);
  const expires = value(cookies.expires);
  const signed = [head.authority, expires, access, value(cookies.id), value(cookies.refresh)].join('\n');
  const valid =
    hmacSecret !== null &&
    /^\d{1,15}$/.test(expires) &&
    Number(expires) > now &&
    same(hmac(hmacSecret, signed), value(cookies.hmac));
  return { access, valid };
}

const tail = (age: number): string => `;path=/;Max-Age=${age};secure;HttpOnly`;

/** Set-Cookie lines of a new session. */
export function sessionCookies(
  tokens: Tokens,
  host: string,
  settings: OAuth2Settings,
  now: number,
): HeaderList {
  const { cookies, hmacSecret, forwardBearerToken, withoutIdToken } = settings;
  const age = tokens.expiresIn;
  const expires = String(now + age);
  const access = forwardBearerToken ? tokens.access : '';
  const id = forwardBearerToken && !withoutIdToken ? tokens.id : '';
  const refresh = forwardBearerToken ? tokens.refresh : '';
  const signature = hmac(hmacSecret ?? '', [host, expires, access, id, refresh].join('\n'));
  const lines = [`${cookies.hmac}=${signature}${tail(age)}`, `${cookies.expires}=${expires}${tail(age)}`];
  if (access !== '') lines.push(`${cookies.bearer}=${access}${tail(age)}`);
  if (id !== '') lines.push(`${cookies.id}=${id}${tail(age)}`);
  if (refresh !== '') lines.push(`${cookies.refresh}=${refresh}${tail(604_800)}`);
  lines.push(deleted(cookies.nonce));
  return lines.flatMap((line) => ['set-cookie', line]);
}

export function deletedCookies({ cookies }: OAuth2Settings): HeaderList {
  const { hmac: signature, bearer, id, refresh, nonce, expires } = cookies;
  return [signature, bearer, id, refresh, nonce, expires].flatMap((name) => ['set-cookie', deleted(name)]);
}

function deleted(name: string): string {
  return `${name}=deleted; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT`;
}

/** A signed nonce: the one in the cookie must be the one that comes back with the state. */
export function newNonce(uuid: string, secret: string): string {
  return `${uuid}.${hmac(secret, uuid)}`;
}

export function nonceCookie(nonce: string, { cookies }: OAuth2Settings): string {
  return `${cookies.nonce}=${nonce};path=/;Max-Age=600;secure;HttpOnly`;
}

function nonceValid(nonce: string, secret: string): boolean {
  const dot = nonce.indexOf('.');
  return dot > 0 && same(hmac(secret, nonce.slice(0, dot)), nonce.slice(dot + 1));
}

/** Where the client wanted to go, carried through the login. */
export function encodeState(url: string, nonce: string): string {
  return Buffer.from(JSON.stringify({ url, nonce })).toString('base64url');
}

/** The URL of a state that belongs to this browser and this host; null for any other. */
export function urlOfState(
  state: string,
  head: RequestHead,
  { cookies, hmacSecret }: OAuth2Settings,
): string | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(state, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null || hmacSecret === null) return null;
  const { url, nonce } = parsed as { url?: unknown; nonce?: unknown };
  if (typeof url !== 'string' || typeof nonce !== 'string') return null;
  if (!nonceValid(nonce, hmacSecret) || !same(nonce, cookieValue(head, cookies.nonce) ?? '')) return null;
  // No way to send somebody elsewhere.
  const rest = /^https?:\/\/([^/?#]*)/.exec(url);
  return rest?.[1] === head.authority && !/[\0-\x20\x7f-\uffff]/.test(url) ? url : null;
}

/** The answer of a token endpoint (RFC 6749, section 5.1); null when it is none. */
export function parseTokens(text: string, defaultExpiresIn: number): Tokens | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null) return null;
  const {
    access_token: access,
    id_token: id,
    refresh_token: refresh,
    expires_in: expiresIn,
  } = parsed as Record<string, unknown>;
  const seconds = typeof expiresIn === 'number' && expiresIn > 0 ? Math.floor(expiresIn) : defaultExpiresIn;
  if (typeof access !== 'string' || access === '' || seconds <= 0) return null;
  const all = {
    access,
    id: typeof id === 'string' ? id : '',
    refresh: typeof refresh === 'string' ? refresh : '',
  };
  // They become cookies, and the access token a header.
  const clean = Object.values(all).every((token) => !/[^\x21-\x7e]|[;,"\\]/.test(token));
  return clean ? { ...all, expiresIn: seconds } : null;
}
