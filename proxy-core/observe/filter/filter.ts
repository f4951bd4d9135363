import { RE2JS } from 're2js';
import { nearestName } from '../../config/nearest.ts';
import {
  type Comparison,
  type FilterKey,
  type FilterSubject,
  KEYS,
  type NumberKey,
  type TextKey,
} from './keys.ts';
import { splitList, type Token, tokenize, unquote } from './lexer.ts';

export type { FilterSubject } from './keys.ts';

export type FilterPredicate = (subject: FilterSubject) => boolean;

export type CompiledFilter =
  | { readonly ok: true; readonly matches: FilterPredicate }
  | {
      readonly ok: false;
      readonly message: string;
      /** 0-based, end exclusive. */
      readonly start: number;
      readonly end: number;
    };

class FilterError extends Error {
  constructor(
    message: string,
    readonly token: Token,
  ) {
    super(message);
  }
}

/**
 * Compiles a text of the filter language: terms joined by space (and), `or`, `-` or `not`, parentheses; `key:value`
 * with `*`, lists and classes, `key~"re"`, comparisons with units; a bare word searches method, host, path, route and
 * cluster. What is not finished yet is ignored, so that a filter can be applied while it is typed.
 */
export function compileFilter(text: string): CompiledFilter {
  const tokens = tokenize(text);
  const parser = new Parser(tokens);
  try {
    const matches = parser.parse();
    return { ok: true, matches: matches ?? (() => true) };
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    return { ok: false, message: error.message, start: error.token.start, end: error.token.end };
  }
}

/** The most parentheses inside each other; more than anybody types. */
const MOST_NESTING = 100;

/** Recursive descent; null stands for nothing said yet. */
class Parser {
  private at = 0;
  private depth = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  parse(): FilterPredicate | null {
    const result = this.alternatives();
    const rest = this.tokens[this.at];
    if (rest !== undefined) throw new FilterError('This closes a parenthesis that was not opened.', rest);
    return result;
  }

  private alternatives(): FilterPredicate | null {
    const parts: FilterPredicate[] = [];
    for (;;) {
      const part = this.conjunction();
      if (part !== null) parts.push(part);
      if (this.tokens[this.at]?.kind !== 'or') break;
      this.at++;
    }
    const only = parts[0];
    if (only === undefined || parts.length === 1) return only ?? null;
    return (subject) => parts.some((part) => part(subject));
  }

  private conjunction(): FilterPredicate | null {
    const parts: FilterPredicate[] = [];
    for (;;) {
      const token = this.tokens[this.at];
      if (token === undefined || token.kind === 'or' || token.kind === 'close') break;
      if (token.kind === 'and') {
        this.at++;
        continue;
      }
      const part = this.unary(token);
      if (part !== null) parts.push(part);
    }
    const only = parts[0];
    if (only === undefined || parts.length === 1) return only ?? null;
    return (subject) => parts.every((part) => part(subject));
  }

  private unary(token: Token): FilterPredicate | null {
    this.at++;
    if (token.kind === 'not') {
      const next = this.tokens[this.at];
      if (next === undefined || next.kind === 'or' || next.kind === 'and' || next.kind === 'close')
        return null;
      if (++this.depth > MOST_NESTING) throw new FilterError('This is nested too deep.', next);
      const inner = this.unary(next);
      this.depth--;
      return inner === null ? null : (subject) => !inner(subject);
    }
    if (token.kind === 'open') {
      if (++this.depth > MOST_NESTING) throw new FilterError('This is nested too deep.', token);
      const inner = this.alternatives();
      this.depth--;
      if (this.tokens[this.at]?.kind === 'close') this.at++;
      return inner;
    }
    return term(token);
  }
}

const TERM = /^([A-Za-z_]+)(:|~|>=|<=|>|<)/;

function term(token: Token): FilterPredicate | null {
  const match = TERM.exec(token.text);
  if (match === null || token.text.startsWith('//', match[0].length)) return bareWord(token);
  if (!token.closed) return null;
  const name = (match[1] as string).toLowerCase();
  const operator = match[2] as ':' | '~' | Comparison;
  const value = token.text.slice(match[0].length);
  const key = Object.hasOwn(KEYS, name) ? KEYS[name] : undefined;
  if (key === undefined) {
    const near = nearestName(name, Object.keys(KEYS));
    throw new FilterError(
      `There is no key “${match[1]}”.${near === undefined ? '' : ` Did you mean ${near}?`}`,
      { ...token, end: token.start + (match[1] as string).length },
    );
  }
  if (value === '' || value === '"') return null;
  if (operator === ':') return equalsTerm(name, key, value, token);
  if (operator === '~') return regexTerm(name, key, value, token);
  return comparisonTerm(name, key, operator, value, token);
}

function bareWord(token: Token): FilterPredicate | null {
  const wanted = unquote(token.text).toLowerCase();
  if (wanted === '') return null;
  return ({ row }) =>
    row.method.toLowerCase().includes(wanted) ||
    row.authority.toLowerCase().includes(wanted) ||
    row.path.toLowerCase().includes(wanted) ||
    row.route.toLowerCase().includes(wanted) ||
    row.cluster.toLowerCase().includes(wanted);
}

function equalsTerm(name: string, key: FilterKey, value: string, token: Token): FilterPredicate | null {
  const wanted = splitList(value);
  if (wanted.length === 0) return null;
  const tests = wanted.map((item) =>
    key.kind === 'text' ? textTest(key, item) : numberTest(name, key, item, token),
  );
  const first = tests[0] as FilterPredicate;
  return tests.length === 1 ? first : (subject) => tests.some((test) => test(subject));
}

function textTest(key: TextKey, item: string): FilterPredicate {
  // `-` asks for nothing, `*` for anything.
  if (item === '-') return (subject) => key.texts(subject).every((text) => text === '');
  if (item === '*') return (subject) => key.texts(subject).some((text) => text !== '');
  const normal = key.normalize?.(item) ?? item;
  const wanted = key.caseSensitive ? normal : normal.toLowerCase();
  const fold = (text: string): string => (key.caseSensitive ? text : text.toLowerCase());
  if (key.contains && !wanted.includes('*')) {
    return (subject) => key.texts(subject).some((text) => fold(text).includes(wanted));
  }
  const pieces = wanted.split('*');
  return (subject) => key.texts(subject).some((text) => matchesPieces(fold(text), pieces));
}

/** `a*b*c` as its pieces; one piece means equality. */
function matchesPieces(text: string, pieces: readonly string[]): boolean {
  const first = pieces[0] as string;
  if (pieces.length === 1) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (let i = 1; i < pieces.length - 1; i++) {
    const piece = pieces[i] as string;
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  const last = pieces[pieces.length - 1] as string;
  return text.length - last.length >= at && text.endsWith(last);
}

function numberTest(name: string, key: NumberKey, item: string, token: Token): FilterPredicate {
  if (item === '*') return () => true;
  const range = key.range?.(item) ?? null;
  if (range !== null) {
    const [from, to] = range;
    return (subject) => {
      const n = key.number(subject);
      return n >= from && n <= to;
    };
  }
  const wanted = key.parse(item);
  if (wanted === null) throw badValue(name, key, item, token);
  return (subject) => key.number(subject) === wanted;
}

function comparisonTerm(
  name: string,
  key: FilterKey,
  operator: Comparison,
  value: string,
  token: Token,
): FilterPredicate {
  if (key.kind !== 'number') {
    throw new FilterError(`${name} is text: use ${name}:value or ${name}~"regex", not ${operator}.`, token);
  }
  const item = unquote(value);
  const limit = key.parse(item);
  if (limit === null) throw badValue(name, key, item, token);
  switch (operator) {
    case '>':
      return (subject) => key.number(subject) > limit;
    case '<':
      return (subject) => key.number(subject) < limit;
    case '>=':
      return (subject) => key.number(subject) >= limit;
    case '<=':
      return (subject) => key.number(subject) <= limit;
  }
}

function badValue(name: string, key: NumberKey, item: string, token: Token): FilterError {
  return new FilterError(`“${item}” does not fit ${name}: it takes ${key.expected}.`, token);
}

function regexTerm(name: string, key: FilterKey, value: string, token: Token): FilterPredicate {
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(unquote(value));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FilterError(`The regular expression of ${name} does not compile: ${reason}`, token);
  }
  if (key.kind === 'number') return (subject) => regex.matcher(String(key.number(subject))).find();
  return (subject) => key.texts(subject).some((text) => regex.matcher(text).find());
}
