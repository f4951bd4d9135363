import type { HeaderList } from '../../base/headers.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { compileHeaderMatcher, type HeaderMatcher, matchesHeader } from '../../route/header-matcher.ts';

/** What is known of an exchange so far; null until it came. */
export interface Exchange {
  requestHead: RequestHead | null;
  requestTrailers: HeaderList | null;
  responseHead: ResponseHead | null;
  responseTrailers: HeaderList | null;
  /** latin1, up to what the predicate may want. */
  requestBody: string;
  responseBody: string;
}

type HeadPart = 'requestHead' | 'requestTrailers' | 'responseHead' | 'responseTrailers';
type BodyPart = 'requestBody' | 'responseBody';

/** `envoy.config.common.matcher.v3.MatchPredicate`, compiled. */
export type TapPredicate =
  | { readonly kind: 'any' }
  | { readonly kind: 'and' | 'or'; readonly of: readonly TapPredicate[] }
  | { readonly kind: 'not'; readonly of: TapPredicate }
  | { readonly kind: 'headers'; readonly part: HeadPart; readonly matchers: readonly HeaderMatcher[] }
  | {
      readonly kind: 'body';
      readonly part: BodyPart;
      /** latin1; all must be in the body. */
      readonly patterns: readonly string[];
      /** Bytes from the start that are looked at; 0 = `MOST_BODY`. */
      readonly limit: number;
    };

/** Bytes of a body that are kept for matching. */
export const MOST_BODY = 65_536;

/** Header matchers read heads of requests: the status of a response is a header of this name for them. */
const STATUS = '\0status';

const HEADS: readonly (readonly [field: string, part: HeadPart])[] = [
  ['http_request_headers_match', 'requestHead'],
  ['http_request_trailers_match', 'requestTrailers'],
  ['http_response_headers_match', 'responseHead'],
  ['http_response_trailers_match', 'responseTrailers'],
];
const BODIES: readonly (readonly [field: string, part: BodyPart])[] = [
  ['http_request_generic_body_match', 'requestBody'],
  ['http_response_generic_body_match', 'responseBody'],
];

export function compileTapPredicate(reader: MessageReader, ctx: CompileContext): TapPredicate {
  for (const kind of ['and', 'or'] as const) {
    const set = reader.message(`${kind}_match`);
    if (set !== undefined) {
      return { kind, of: set.messages('rules').map((rule) => compileTapPredicate(rule, ctx)) };
    }
  }
  const not = reader.message('not_match');
  if (not !== undefined) return { kind: 'not', of: compileTapPredicate(not, ctx) };
  for (const [field, part] of HEADS) {
    const match = reader.message(field);
    if (match === undefined) continue;
    const matchers = match.messages('headers').map((each) => {
      const matcher = compileHeaderMatcher(each, ctx);
      return part === 'responseHead' && matcher.name === ':status' ? { ...matcher, name: STATUS } : matcher;
    });
    return { kind: 'headers', part, matchers };
  }
  for (const [field, part] of BODIES) {
    const match = reader.message(field);
    if (match === undefined) continue;
    const patterns = match.messages('patterns').map((pattern) => {
      const bytes = pattern.bytes('binary_match');
      return bytes === undefined
        ? Buffer.from(pattern.string('string_match') ?? '').toString('latin1')
        : Buffer.from(bytes).toString('latin1');
    });
    return { kind: 'body', part, patterns, limit: match.number('bytes_limit') ?? 0 };
  }
  reader.acknowledge('any_match');
  return { kind: 'any' };
}

/** What has not come yet does not match. */
export function tapMatches(predicate: TapPredicate, exchange: Exchange): boolean {
  switch (predicate.kind) {
    case 'any':
      return true;
    case 'and':
      return predicate.of.every((each) => tapMatches(each, exchange));
    case 'or':
      return predicate.of.some((each) => tapMatches(each, exchange));
    case 'not':
      return !tapMatches(predicate.of, exchange);
    case 'headers': {
      const head = asRequestHead(exchange[predicate.part]);
      return head !== null && predicate.matchers.every((matcher) => matchesHeader(matcher, head));
    }
    default: {
      const body = exchange[predicate.part].slice(0, predicate.limit || MOST_BODY);
      return predicate.patterns.every((pattern) => body.includes(pattern));
    }
  }
}

function asRequestHead(part: RequestHead | ResponseHead | HeaderList | null): RequestHead | null {
  if (part === null) return null;
  const bare = { method: '', authority: '', path: '', scheme: '', protocol: '' };
  if (Array.isArray(part)) return { ...bare, headers: part };
  if ('status' in part) return { ...bare, headers: [...part.headers, STATUS, String(part.status)] };
  return part;
}

/** Does a predicate look into bodies? */
export function readsBodies(predicate: TapPredicate): boolean {
  switch (predicate.kind) {
    case 'and':
    case 'or':
      return predicate.of.some(readsBodies);
    case 'not':
      return readsBodies(predicate.of);
    default:
      return predicate.kind === 'body';
  }
}
