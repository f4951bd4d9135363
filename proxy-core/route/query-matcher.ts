import type { CompileContext } from '../config/compile-context.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { MessageReader } from '../config/reader.ts';
import {
  compileStringMatcher,
  matchesString,
  type StringMatcher,
  stringMatcherText,
} from './string-matcher.ts';

/** `envoy.config.route.v3.QueryParameterMatcher`, compiled. Without a string matcher it asks for presence. */
export interface QueryMatcher {
  readonly name: string;
  readonly string: StringMatcher | null;
  readonly source: SourceRange;
}

export function compileQueryMatcher(reader: MessageReader, ctx: CompileContext): QueryMatcher {
  const string = reader.message('string_match');
  if (reader.bool('present_match') === false) {
    ctx.report(
      'warning',
      'route.query-present-false',
      reader,
      'present_match',
      'Envoy 1.32 treats `present_match: false` as a plain test for presence; from 1.36 on it means absent.',
    );
  }
  return {
    name: reader.string('name') ?? '',
    string: string === undefined ? null : compileStringMatcher(string, ctx),
    source: reader.range,
  };
}

/** The first value of a parameter, not percent-decoded; undefined when it is not there. `query` has no `?`. */
export function queryParameter(query: string, name: string): string | undefined {
  for (let at = 0; at <= query.length; ) {
    let end = query.indexOf('&', at);
    if (end < 0) end = query.length;
    const equals = query.indexOf('=', at);
    const nameEnd = equals < 0 || equals > end ? end : equals;
    if (nameEnd - at === name.length && query.startsWith(name, at) && end > at) {
      return nameEnd === end ? '' : query.slice(nameEnd + 1, end);
    }
    at = end + 1;
  }
  return undefined;
}

export function matchesQuery(matcher: QueryMatcher, query: string): boolean {
  const value = queryParameter(query, matcher.name);
  return value !== undefined && (matcher.string === null || matchesString(matcher.string, value));
}

export function queryMatcherText(matcher: QueryMatcher): string {
  return `query \`${matcher.name}\` ${matcher.string === null ? 'present' : stringMatcherText(matcher.string)}`;
}

export function queryMismatchText(matcher: QueryMatcher, query: string): string {
  const value = queryParameter(query, matcher.name);
  const found = value === undefined ? 'is missing' : `was \`${value}\``;
  const wanted = matcher.string === null ? 'present' : stringMatcherText(matcher.string);
  return `query parameter \`${matcher.name}\` ${found}, ${wanted} wanted`;
}
