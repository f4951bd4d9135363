import { type HeaderList, removeHeader } from '../../base/headers.ts';
import type { RequestHead } from '../../base/stream-info.ts';
import { cookieValue } from '../../route/hash-policy.ts';
import { queryParameter } from '../../route/query-matcher.ts';
import { pathView } from '../../route/route-match.ts';
import type { JwtProvider } from './jwt-provider.ts';
import { withQuery } from './query-string.ts';

/** A token and where it was. */
export interface FoundToken {
  readonly token: string;
  readonly place:
    | { readonly kind: 'header'; readonly name: string }
    | { readonly kind: 'param'; readonly name: string }
    | { readonly kind: 'cookie' };
  /** Issuers whose provider looks in that place; empty = any. */
  readonly issuers: ReadonlySet<string>;
}

interface Place {
  readonly kind: 'header' | 'param' | 'cookie';
  readonly name: string;
  readonly prefix: string;
  /** Null: any. */
  issuers: Set<string> | null;
}

/** The places where the tokens of some providers are, in Envoy's order: headers, parameters, cookies, each by name. */
export class JwtExtractor {
  private readonly places: readonly Place[];
  /** What the filter writes itself must not come from the client. */
  private readonly ownHeaders: readonly string[];

  constructor(providers: readonly JwtProvider[]) {
    const places = new Map<string, Place>();
    const add = (kind: Place['kind'], name: string, prefix: string, issuer: string): void => {
      const key = `${kind} ${name}${prefix}`;
      const place = places.get(key) ?? { kind, name, prefix, issuers: new Set() };
      if (issuer === '') place.issuers = null;
      place.issuers?.add(issuer);
      places.set(key, place);
    };
    for (const { fromHeaders, fromParams, fromCookies, issuer } of providers) {
      for (const { name, prefix } of fromHeaders) add('header', name, prefix, issuer);
      for (const name of fromParams) add('param', name, '', issuer);
      for (const name of fromCookies) add('cookie', name, '', issuer);
      if (fromHeaders.length + fromParams.length + fromCookies.length > 0) continue;
      add('header', 'authorization', 'Bearer ', issuer);
      add('param', 'access_token', '', issuer);
    }
    const sorted = [...places].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, place]) => place);
    this.places = (['header', 'param', 'cookie'] as const).flatMap((kind) =>
      sorted.filter((place) => place.kind === kind),
    );
    this.ownHeaders = providers.flatMap(({ forwardPayloadHeader, claimToHeaders }) => [
      ...(forwardPayloadHeader === '' ? [] : [forwardPayloadHeader]),
      ...claimToHeaders.map(({ header }) => header),
    ]);
  }

  sanitize(headers: HeaderList): void {
    for (const name of this.ownHeaders) removeHeader(headers, name);
  }

  extract(head: RequestHead): FoundToken[] {
    const found: FoundToken[] = [];
    for (const { kind, name, prefix, issuers } of this.places) {
      const allowed = issuers ?? ANY;
      switch (kind) {
        case 'header':
          for (let i = 0; i < head.headers.length; i += 2) {
            if (head.headers[i] !== name) continue;
            const token = withoutPrefix(head.headers[i + 1] as string, prefix);
            if (token !== null) found.push({ token, place: { kind, name }, issuers: allowed });
          }
          break;
        case 'param': {
          const value = queryParameter(pathView(head.path, false).query, name);
          if (value !== undefined) {
            found.push({ token: decodeParameter(value), place: { kind, name }, issuers: allowed });
          }
          break;
        }
        case 'cookie': {
          const value = cookieValue(head, name);
          if (value !== undefined) found.push({ token: value, place: { kind }, issuers: allowed });
          break;
        }
      }
    }
    return found;
  }
}

const ANY: ReadonlySet<string> = new Set();

function withoutPrefix(value: string, prefix: string): string | null {
  if (prefix === '') return value;
  const at = value.indexOf(prefix);
  if (at < 0) return null;
  const rest = value.slice(at + prefix.length);
  const start = rest.search(/[A-Za-z0-9\-_.]/);
  return start < 0 ? value : rest.slice(start);
}

function decodeParameter(value: string): string {
  return value.replace(/%([0-9a-fA-F]{2})/g, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** Takes a token that was good out of the request; those in cookies stay. */
export function removeToken(head: RequestHead, { place }: FoundToken): void {
  if (place.kind === 'header') removeHeader(head.headers, place.name);
  else if (place.kind === 'param') head.path = withQuery(head.path, [], [place.name]);
}
