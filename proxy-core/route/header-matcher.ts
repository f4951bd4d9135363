import { joinedHeaderValue } from '../base/headers.ts';
import type { RequestHead } from '../base/stream-info.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { MessageReader } from '../config/reader.ts';
import { requestHeader } from './formatter/operators-headers.ts';
import { compileRegex } from './regex.ts';
import {
  compileStringMatcher,
  matchesString,
  type StringMatcher,
  stringMatcher,
  stringMatcherText,
} from './string-matcher.ts';

/** `envoy.config.route.v3.HeaderMatcher`, compiled. */
export interface HeaderMatcher {
  readonly name: string;
  readonly kind: 'string' | 'range' | 'present' | 'absent';
  readonly string: StringMatcher | null;
  readonly start: number;
  readonly end: number;
  readonly invert: boolean;
  readonly missingAsEmpty: boolean;
  readonly source: SourceRange;
}

export function compileHeaderMatcher(reader: MessageReader, ctx: CompileContext): HeaderMatcher {
  const base = {
    name: (reader.string('name') ?? '').toLowerCase(),
    string: null,
    start: 0,
    end: 0,
    invert: reader.bool('invert_match') ?? false,
    missingAsEmpty: reader.bool('treat_missing_header_as_empty') ?? false,
    source: reader.range,
  };
  const present = reader.bool('present_match');
  if (present !== undefined) return { ...base, kind: present ? 'present' : 'absent' };
  const range = reader.message('range_match');
  if (range !== undefined) {
    const start = range.number('start') ?? 0;
    const end = range.number('end') ?? 0;
    if (start >= end) {
      ctx.report(
        'warning',
        'route.empty-range',
        reader,
        'range_match',
        `The range from ${start} to ${end} (exclusive) holds no number: this condition never matches.`,
      );
    }
    return { ...base, kind: 'range', start, end };
  }
  const string = compileHeaderString(reader, ctx);
  return string === null ? { ...base, kind: 'present' } : { ...base, kind: 'string', string };
}

function compileHeaderString(reader: MessageReader, ctx: CompileContext): StringMatcher | null {
  const matcher = reader.message('string_match');
  if (matcher !== undefined) return compileStringMatcher(matcher, ctx);
  const exact = reader.string('exact_match');
  // The deprecated form with an empty value takes any value.
  if (exact !== undefined)
    return exact === '' ? stringMatcher('contains', '') : stringMatcher('exact', exact);
  const regex = reader.message('safe_regex_match');
  if (regex !== undefined) {
    const compiled = compileRegex(regex, ctx);
    return stringMatcher('regex', compiled.text, false, compiled);
  }
  for (const kind of ['prefix', 'suffix', 'contains'] as const) {
    const value = reader.string(`${kind}_match`);
    if (value !== undefined) return stringMatcher(kind, value);
  }
  return null;
}

/** The value a matcher sees: repeated lines joined with `,`. */
function matchedValue(name: string, head: RequestHead): string | undefined {
  return name.charCodeAt(0) === 58 || name === 'host'
    ? requestHeader(head, name)
    : joinedHeaderValue(head.headers, name);
}

/** A missing header never matches a test of its value, inverted or not. */
export function matchesHeader(matcher: HeaderMatcher, head: RequestHead): boolean {
  let value = matchedValue(matcher.name, head);
  if (matcher.kind === 'present') return (value !== undefined || matcher.missingAsEmpty) !== matcher.invert;
  if (matcher.kind === 'absent') return (value === undefined && !matcher.missingAsEmpty) !== matcher.invert;
  if (value === undefined) {
    if (!matcher.missingAsEmpty) return false;
    value = '';
  }
  return valueMatches(matcher, value) !== matcher.invert;
}

function valueMatches(matcher: HeaderMatcher, value: string): boolean {
  if (matcher.kind === 'range') {
    if (!/^[+-]?\d+$/.test(value.trim())) return false;
    const n = Number(value);
    return n >= matcher.start && n < matcher.end;
  }
  return matcher.string !== null && matchesString(matcher.string, value);
}

/** ``header `x-canary` exact `1` ``. */
export function headerMatcherText(matcher: HeaderMatcher): string {
  return `header \`${matcher.name}\` ${wantedText(matcher)}`;
}

function wantedText(matcher: HeaderMatcher): string {
  const not = matcher.invert ? 'not ' : '';
  switch (matcher.kind) {
    case 'present':
      return `${not}present`;
    case 'absent':
      return matcher.invert ? 'present' : 'absent';
    case 'range':
      return `${not}from ${matcher.start} to below ${matcher.end}`;
    case 'string':
      return matcher.string === null ? not : `${not}${stringMatcherText(matcher.string)}`;
  }
}

/** ``header `x-canary` was `0`, exact `1` wanted``. */
export function headerMismatchText(matcher: HeaderMatcher, head: RequestHead): string {
  const value = matchedValue(matcher.name, head);
  const found = value === undefined ? 'is missing' : `was \`${value}\``;
  return `header \`${matcher.name}\` ${found}, ${wantedText(matcher)} wanted`;
}
