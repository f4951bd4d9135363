import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import { compileRegex, type Regex } from './regex.ts';

/** `envoy.type.matcher.v3.StringMatcher`, compiled. `value` is in lower case when `ignoreCase` is set. */
export interface StringMatcher {
  readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains' | 'regex' | 'never';
  readonly value: string;
  readonly ignoreCase: boolean;
  readonly regex: Regex | null;
}

export const EMPTY_STRING: StringMatcher = { kind: 'exact', value: '', ignoreCase: false, regex: null };

export function stringMatcher(
  kind: StringMatcher['kind'],
  value: string,
  ignoreCase = false,
  regex: Regex | null = null,
): StringMatcher {
  return { kind, value: ignoreCase ? value.toLowerCase() : value, ignoreCase, regex };
}

export function compileStringMatcher(reader: MessageReader, ctx: CompileContext): StringMatcher {
  const ignoreCase = reader.bool('ignore_case') ?? false;
  for (const kind of ['exact', 'prefix', 'suffix', 'contains'] as const) {
    const value = reader.string(kind);
    if (value !== undefined) return stringMatcher(kind, value, ignoreCase);
  }
  const regex = reader.message('safe_regex');
  if (regex !== undefined) {
    if (ignoreCase) {
      ctx.report(
        'error',
        'route.ignore-case-regex',
        reader,
        'ignore_case',
        'ignore_case has no effect for safe_regex.',
      );
    }
    const compiled = compileRegex(regex, ctx);
    return stringMatcher('regex', compiled.text, false, compiled);
  }
  if (reader.has('custom')) {
    ctx.report(
      'warning',
      'route.custom-matcher',
      reader,
      'custom',
      'Custom string matchers are not emulated: this one never matches here.',
    );
  }
  return stringMatcher('never', '');
}

export function matchesString(matcher: StringMatcher, text: string): boolean {
  const value = matcher.ignoreCase ? text.toLowerCase() : text;
  switch (matcher.kind) {
    case 'exact':
      return value === matcher.value;
    case 'prefix':
      return value.startsWith(matcher.value);
    case 'suffix':
      return value.endsWith(matcher.value);
    case 'contains':
      return value.includes(matcher.value);
    case 'regex':
      return matcher.regex?.fullMatch(text) ?? false;
    case 'never':
      return false;
  }
}

/** ``exact `1` ``, ``prefix `a`, in any case``. */
export function stringMatcherText(matcher: StringMatcher): string {
  if (matcher.kind === 'never') return 'something that never matches';
  return `${matcher.kind} \`${matcher.value}\`${matcher.ignoreCase ? ', in any case' : ''}`;
}
