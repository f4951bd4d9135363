import { RE2JS } from 're2js';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import { re2ProgramSize } from './program-size.ts';

/** A compiled RE2 pattern. Matching time is linear in the text. */
export interface Regex {
  readonly text: string;
  /** How many groups it has. */
  readonly groups: number;
  /** True when the whole text matches. */
  fullMatch(text: string): boolean;
  /** Every match replaced; `\1` in the substitution is a group, `\\` a backslash. */
  replaceAll(text: string, substitution: string): string;
}

/** Envoy's default of the runtime key `re2.max_program_size.error_level`. */
const MAX_PROGRAM_SIZE = 100;

const NEVER: Regex = { text: '', groups: 9, fullMatch: () => false, replaceAll: (text) => text };

/** Compiles an `envoy.type.matcher.v3.RegexMatcher`; reports and returns a pattern that never matches when it is wrong. */
export function compileRegex(reader: MessageReader, ctx: CompileContext): Regex {
  const text = reader.string('regex') ?? '';
  const engine = reader.message('google_re2');
  const ownLimit = engine?.number('max_program_size');
  const compiled = compilePattern(text);
  if ('error' in compiled) {
    ctx.report('error', 'route.regex', reader, 'regex', compiled.error);
    return NEVER;
  }
  const runtimeLimit = ctx.runtime.get('re2.max_program_size.error_level');
  const limit = ownLimit ?? (typeof runtimeLimit === 'number' ? runtimeLimit : MAX_PROGRAM_SIZE);
  if (compiled.programSize > limit) {
    ctx.report(
      'error',
      'route.regex-size',
      reader,
      'regex',
      `regex '${text}' RE2 program size of ${compiled.programSize} > max program size of ${limit} set for the error level threshold. Increase configured max program size if necessary.`,
    );
    return NEVER;
  }
  return compiled.regex;
}

/** Compiles pattern text; the error text is RE2's. */
export function compilePattern(text: string): { regex: Regex; programSize: number } | { error: string } {
  let pattern: RE2JS;
  try {
    pattern = RE2JS.compile(text);
  } catch (error) {
    return { error: re2Error(error instanceof Error ? error.message : String(error)) };
  }
  const regex: Regex = {
    text,
    groups: pattern.groupCount(),
    fullMatch: (input) => pattern.matches(input),
    replaceAll: (input, substitution) => {
      const replacement = javaReplacement(substitution, pattern.groupCount());
      return replacement === null ? input : pattern.matcher(input).replaceAll(replacement);
    },
  };
  return { regex, programSize: re2ProgramSize(pattern, text) };
}

/** Says it in RE2's words: `missing ]: [a`. */
function re2Error(message: string): string {
  return message
    .replace('error parsing regexp: ', '')
    .replaceAll('`', '')
    .replace('invalid or unsupported Perl syntax', 'invalid perl operator')
    .replace('missing closing ]', 'missing ]')
    .replace('missing closing )', 'missing )')
    .replace('invalid repeat count', 'invalid repetition size');
}

/**
 * `\\1` → `$1`. Null when RE2 would refuse the rewrite (a group that is not there, a stray backslash): it then
 * replaces nothing.
 */
function javaReplacement(substitution: string, groups: number): string | null {
  let text = '';
  for (let i = 0; i < substitution.length; i++) {
    const char = substitution[i] as string;
    if (char === '$') text += '$$';
    else if (char !== '\\') text += char;
    else {
      const next = substitution[++i] ?? '';
      if (next === '\\') text += '\\';
      else if (next === '0') text += '$&';
      else if (next >= '1' && next <= '9' && Number(next) <= groups) text += `$${next}`;
      else return null;
    }
  }
  return text;
}

export interface RegexSubstitution {
  readonly regex: Regex;
  readonly substitution: string;
}

/** `envoy.type.matcher.v3.RegexMatchAndSubstitute`. */
export function compileSubstitution(reader: MessageReader, ctx: CompileContext): RegexSubstitution {
  const pattern = reader.message('pattern');
  const regex = pattern === undefined ? NEVER : compileRegex(pattern, ctx);
  const substitution = reader.string('substitution') ?? '';
  if (javaReplacement(substitution, regex.groups) === null) {
    ctx.report(
      'warning',
      'route.regex-group',
      reader,
      'substitution',
      `\`${substitution}\` names a group that the pattern does not have (it has ${regex.groups}), or holds a stray backslash: nothing is ever replaced.`,
    );
  }
  return { regex, substitution };
}
