import type { RequestHead, StreamInfo } from '../base/stream-info.ts';
import { xxHash64Text } from '../base/xxhash64.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { MessageReader } from '../config/reader.ts';
import type { Narrator } from '../facade/decision.ts';
import { requestHeader } from './formatter/operators-headers.ts';
import { queryParameter } from './query-matcher.ts';
import { compileSubstitution, type RegexSubstitution } from './regex.ts';
import { pathView } from './route-match.ts';
import type { Route } from './types.ts';

/** `RouteAction.HashPolicy`, compiled. */
export interface HashPolicy {
  readonly kind: 'header' | 'cookie' | 'source-ip' | 'query' | 'filter-state' | 'none';
  readonly name: string;
  readonly rewrite: RegexSubstitution | null;
  /** Cookie lifetime in milliseconds; null: no cookie is made when it is missing. */
  readonly ttl: number | null;
  readonly path: string;
  /** `; SameSite=Lax`, already joined. */
  readonly attributes: string;
  readonly terminal: boolean;
  readonly source: SourceRange;
}

export function compileHashPolicy(reader: MessageReader, ctx: CompileContext): HashPolicy {
  const base = {
    name: '',
    rewrite: null,
    ttl: null,
    path: '',
    attributes: '',
    terminal: reader.bool('terminal') ?? false,
    source: reader.range,
  };
  const header = reader.message('header');
  if (header !== undefined) {
    const rewrite = header.message('regex_rewrite');
    return {
      ...base,
      kind: 'header',
      name: (header.string('header_name') ?? '').toLowerCase(),
      rewrite: rewrite === undefined ? null : compileSubstitution(rewrite, ctx),
    };
  }
  const cookie = reader.message('cookie');
  if (cookie !== undefined) {
    const attributes = cookie.messages('attributes').map((a) => {
      const value = a.string('value') ?? '';
      return `; ${a.string('name') ?? ''}${value === '' ? '' : `=${value}`}`;
    });
    return {
      ...base,
      kind: 'cookie',
      name: cookie.string('name') ?? '',
      ttl: cookie.duration('ttl') ?? null,
      path: cookie.string('path') ?? '',
      attributes: attributes.join(''),
    };
  }
  const connection = reader.message('connection_properties');
  if (connection !== undefined) {
    return { ...base, kind: connection.bool('source_ip') === true ? 'source-ip' : 'none' };
  }
  const query = reader.message('query_parameter');
  if (query !== undefined) return { ...base, kind: 'query', name: query.string('name') ?? '' };
  const state = reader.message('filter_state');
  if (state !== undefined) return { ...base, kind: 'filter-state', name: state.string('key') ?? '' };
  return { ...base, kind: 'none' };
}

/** The value of a request cookie, quotes taken off; undefined when it is not there. */
export function cookieValue(head: RequestHead, name: string): string | undefined {
  const headers = head.headers;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'cookie') continue;
    for (const part of (headers[i + 1] as string).split(';')) {
      const equals = part.indexOf('=');
      if (equals < 0 || part.slice(0, equals).trim() !== name) continue;
      const value = part.slice(equals + 1).trim();
      return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
    }
  }
  return undefined;
}

export interface HashResult {
  /** Null: no policy gave a value. */
  readonly hash: bigint | null;
  /** A `set-cookie` value to put on the response, null = none. */
  readonly setCookie: string | null;
}

const NO_HASH: HashResult = { hash: null, setCookie: null };

/**
 * Combines the hash policies: `h = rotate_left(h, 1) XOR v`, stopping behind a terminal one that gave a value.
 * A missing cookie with a lifetime is made from the addresses of the connection, as Envoy does.
 */
export function hashRequest(
  route: Route,
  head: RequestHead,
  info: StreamInfo,
  narrator: Narrator | null = null,
): HashResult {
  if (route.action.kind !== 'cluster' || route.action.hashPolicies.length === 0) return NO_HASH;
  let hash: bigint | null = null;
  let setCookie: string | null = null;
  for (const policy of route.action.hashPolicies) {
    let value = policyHash(policy, head, info);
    if (value === null && policy.kind === 'cookie' && policy.ttl !== null) {
      const made = newCookieValue(info);
      setCookie = cookieText(policy, policy.ttl, made);
      value = xxHash64Text(made);
    }
    narrator?.note('neutral', policyText(policy, value, head, info), policy.source);
    if (value === null) continue;
    hash = hash === null ? value : BigInt.asUintN(64, (hash << 1n) | (hash >> 63n)) ^ value;
    if (policy.terminal) break;
  }
  return { hash, setCookie };
}

function policyHash(policy: HashPolicy, head: RequestHead, info: StreamInfo): bigint | null {
  switch (policy.kind) {
    case 'header':
      return headerHash(policy, head);
    case 'cookie': {
      const value = cookieValue(head, policy.name);
      return value === undefined || value === '' ? null : xxHash64Text(value);
    }
    case 'source-ip':
      return info.remote.port < 0 ? null : xxHash64Text(info.remote.ip);
    case 'query': {
      const value = queryParameter(pathView(head.path, false).query, policy.name);
      return value === undefined ? null : xxHash64Text(value);
    }
    case 'filter-state': {
      const object = info.filterState?.get(policy.name);
      return object?.hashable === true && object.text !== null ? xxHash64Text(object.text) : null;
    }
    case 'none':
      return null;
  }
}

/** Several values are sorted and chained: the seed of each is the hash of the one before. */
function headerHash(policy: HashPolicy, head: RequestHead): bigint | null {
  const values: string[] = [];
  if (policy.name.startsWith(':') || policy.name === 'host') {
    const value = requestHeader(head, policy.name);
    if (value !== undefined) values.push(value);
  } else {
    for (let i = 0; i < head.headers.length; i += 2) {
      if (head.headers[i] === policy.name) values.push(head.headers[i + 1] as string);
    }
  }
  if (values.length === 0) return null;
  const { rewrite } = policy;
  const hashed =
    rewrite === null ? values : values.map((v) => rewrite.regex.replaceAll(v, rewrite.substitution));
  hashed.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  let hash = 0n;
  for (const value of hashed) hash = xxHash64Text(value, hash);
  return hash;
}

function newCookieValue(info: StreamInfo): string {
  const { directRemote, local } = info.connection;
  const hash = xxHash64Text(`${directRemote.ip}:${directRemote.port}${local.ip}:${local.port}${info.random}`);
  return hash.toString(16).padStart(16, '0');
}

/** `sid="bf86fdd81058d51a"; Max-Age=10; Path=/p; HttpOnly`. */
function cookieText(policy: HashPolicy, ttl: number, value: string): string {
  const age = Math.floor(ttl / 1000);
  const maxAge = age === 0 ? '' : `; Max-Age=${age}`;
  const path = policy.path === '' ? '' : `; Path=${policy.path}`;
  return `${policy.name}="${value}"${maxAge}${path}${policy.attributes}; HttpOnly`;
}

function policyText(policy: HashPolicy, hash: bigint | null, head: RequestHead, info: StreamInfo): string {
  const { what, value } = policyInput(policy, head, info);
  const shown = value === undefined ? '' : ` \`${value}\``;
  if (hash === null) return `hash policy: ${what} gave nothing`;
  const made = value === undefined && policy.kind === 'cookie' ? ' is made for the client and' : shown;
  return `hash policy: ${what}${made} gave ${hash}${policy.terminal ? ', which ends the list' : ''}`;
}

function policyInput(
  policy: HashPolicy,
  head: RequestHead,
  info: StreamInfo,
): { readonly what: string; readonly value: string | undefined } {
  const named = `${policy.kind} \`${policy.name}\``;
  switch (policy.kind) {
    case 'header':
      return { what: named, value: requestHeader(head, policy.name) };
    case 'cookie':
      return { what: named, value: cookieValue(head, policy.name) };
    case 'query':
      return { what: named, value: queryParameter(pathView(head.path, false).query, policy.name) };
    case 'source-ip':
      return { what: 'the source address', value: info.remote.ip };
    case 'filter-state': {
      const object = info.filterState?.get(policy.name);
      const what = `filter state \`${policy.name}\``;
      const blocked = object !== undefined && !object.hashable;
      return {
        what: blocked ? `${what}, an \`${object.factory}\` that has no hash,` : what,
        value: object?.text ?? undefined,
      };
    }
    case 'none':
      return { what: 'a policy that is not emulated', value: undefined };
  }
}
