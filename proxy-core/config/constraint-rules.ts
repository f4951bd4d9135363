import { isIP, isIPv4, isIPv6 } from 'node:net';
import { RE2JS } from 're2js';
import type { ScalarNode } from './message.ts';
import type { BytesRules, DurationRules, NumberRules, RuleKind, StringRules } from './schema/rules.ts';
import type { EnumSchema, FieldSchema } from './schema/types.ts';

export interface Problem {
  readonly code: 'config.out-of-range' | 'config.required' | 'config.bad-format';
  /** Continues a sentence that begins with the field's name. */
  readonly message: string;
  readonly expected?: string;
}

/** One scalar against its rules; null when it keeps them. */
export function checkScalar(kind: RuleKind, node: ScalarNode, known: FieldSchema | null): Problem | null {
  switch (kind.case) {
    case 'number':
      return node.scalar === 'number' ? checkNumber(kind.rules, Number(node.value), '') : null;
    case 'duration':
      return node.scalar === 'duration' ? checkDuration(kind.rules, node.value as number) : null;
    case 'string':
      return node.scalar === 'string' ? checkString(kind.rules, node.value as string) : null;
    case 'bytes':
      return node.scalar === 'bytes' ? checkBytes(kind.rules, (node.value as Uint8Array).length) : null;
    case 'bool':
      return kind.rules.const !== undefined && node.value !== kind.rules.const
        ? outOfRange(`must be ${kind.rules.const}`, String(kind.rules.const))
        : null;
    case 'enum':
      return known?.type.kind === 'enum' ? checkEnum(kind.rules, node, known.type.enumeration) : null;
    case 'repeated':
    case 'map':
    case 'any':
    case 'timestamp':
      return null;
  }
}

function outOfRange(message: string, expected?: string): Problem {
  return { code: 'config.out-of-range', message, ...(expected === undefined ? {} : { expected }) };
}

function badFormat(message: string, expected?: string): Problem {
  return { code: 'config.bad-format', message, ...(expected === undefined ? {} : { expected }) };
}

function checkNumber(rules: NumberRules, value: number, unit: string): Problem | null {
  const show = (n: number): string => `${n}${unit}`;
  if (rules.ignoreEmpty === true && value === 0) return null;
  if (rules.const !== undefined && value !== rules.const)
    return outOfRange(`is ${show(value)}, it must be ${show(rules.const)}`);
  if (rules.in !== undefined && !rules.in.includes(value)) {
    return outOfRange(`is ${show(value)}`, `one of ${rules.in.map(show).join(', ')}`);
  }
  if (rules.notIn?.includes(value) === true) return outOfRange(`must not be ${show(value)}`);
  return checkBounds(rules, value, show);
}

/** When the lower bound is above the upper one the rule means "outside of" (protoc-gen-validate). */
function checkBounds(
  rules: { readonly lt?: number; readonly lte?: number; readonly gt?: number; readonly gte?: number },
  value: number,
  show: (n: number) => string,
): Problem | null {
  const low = rules.gt ?? rules.gte;
  const high = rules.lt ?? rules.lte;
  const aboveLow =
    rules.gt !== undefined ? value > rules.gt : rules.gte !== undefined ? value >= rules.gte : true;
  const belowHigh =
    rules.lt !== undefined ? value < rules.lt : rules.lte !== undefined ? value <= rules.lte : true;
  if (low !== undefined && high !== undefined && low > high) {
    return aboveLow || belowHigh
      ? null
      : outOfRange(`is ${show(value)}, it must be outside of ${show(high)} to ${show(low)}`);
  }
  const range =
    low !== undefined && high !== undefined
      ? `${rules.gt !== undefined ? 'more than' : 'from'} ${show(low)} ${rules.lt !== undefined ? 'to less than' : 'to'} ${show(high)}`
      : undefined;
  if (!aboveLow && low !== undefined) {
    const text =
      rules.gt !== undefined
        ? `is ${show(value)}, it must be more than ${show(low)}`
        : `is ${show(value)}, the least is ${show(low)}`;
    return outOfRange(text, range);
  }
  if (!belowHigh && high !== undefined) {
    const text =
      rules.lt !== undefined
        ? `is ${show(value)}, it must be less than ${show(high)}`
        : `is ${show(value)}, the most is ${show(high)}`;
    return outOfRange(text, range);
  }
  return null;
}

function checkDuration(rules: DurationRules, ms: number): Problem | null {
  const show = (n: number): string => `${Number((n / 1000).toFixed(9))}s`;
  if (rules.const !== undefined && ms !== rules.const)
    return outOfRange(`is ${show(ms)}, it must be ${show(rules.const)}`);
  return checkBounds(rules, ms, show);
}

function checkString(rules: StringRules, value: string): Problem | null {
  if (value === '' && rules.ignoreEmpty === true) return null;
  if (rules.const !== undefined && value !== rules.const) return outOfRange(`must be “${rules.const}”`);
  if (rules.in !== undefined && !rules.in.includes(value))
    return outOfRange(`is “${short(value)}”`, `one of ${rules.in.join(', ')}`);
  if (rules.notIn?.includes(value) === true) return outOfRange(`must not be “${short(value)}”`);
  return checkLengths(rules, value) ?? checkFormat(rules, value);
}

function checkLengths(rules: StringRules, value: string): Problem | null {
  const least = rules.len ?? rules.minLen ?? 0;
  const most = rules.len ?? rules.maxLen;
  if (value === '' && (least > 0 || (rules.lenBytes ?? rules.minBytes ?? 0) > 0)) {
    return { code: 'config.required', message: 'is empty, it must have text', expected: 'text' };
  }
  if (least > 1 || most !== undefined) {
    const length = [...value].length;
    if (length < least) return outOfRange(`has ${length} characters, the least is ${least}`);
    if (most !== undefined && length > most)
      return outOfRange(`has ${length} characters, the most is ${most}`);
  }
  const leastBytes = rules.lenBytes ?? rules.minBytes ?? 0;
  const mostBytes = rules.lenBytes ?? rules.maxBytes;
  if (leastBytes > 1 || mostBytes !== undefined) {
    const length = Buffer.byteLength(value);
    if (length < leastBytes) return outOfRange(`has ${length} bytes, the least is ${leastBytes}`);
    if (mostBytes !== undefined && length > mostBytes)
      return outOfRange(`has ${length} bytes, the most is ${mostBytes}`);
  }
  return null;
}

function checkFormat(rules: StringRules, value: string): Problem | null {
  if (rules.prefix !== undefined && !value.startsWith(rules.prefix))
    return badFormat(`must begin with “${rules.prefix}”`);
  if (rules.suffix !== undefined && !value.endsWith(rules.suffix))
    return badFormat(`must end with “${rules.suffix}”`);
  if (rules.contains !== undefined && !value.includes(rules.contains))
    return badFormat(`must contain “${rules.contains}”`);
  if (rules.notContains !== undefined && value.includes(rules.notContains))
    return badFormat(`must not contain “${rules.notContains}”`);
  if (rules.pattern !== undefined && !pattern(rules.pattern).matcher(value).find()) {
    return badFormat(
      `is “${short(value)}”, which does not match ${rules.pattern}`,
      `text that matches ${rules.pattern}`,
    );
  }
  if (
    rules.wellKnownRegex !== undefined &&
    !headerRegex(rules.wellKnownRegex, rules.strict !== false).test(value)
  ) {
    const what = rules.wellKnownRegex === 1 ? 'header name' : 'header value';
    return badFormat(`is “${short(value)}”, which is not a ${what}`, `a ${what}`);
  }
  if (rules.wellKnown !== undefined && !isWellKnown(rules.wellKnown, value)) {
    return badFormat(
      `is “${short(value)}”, which is not ${article(rules.wellKnown)}`,
      article(rules.wellKnown),
    );
  }
  return null;
}

const patterns = new Map<string, RE2JS>();

function pattern(text: string): RE2JS {
  let compiled = patterns.get(text);
  if (compiled === undefined) {
    compiled = RE2JS.compile(text);
    patterns.set(text, compiled);
  }
  return compiled;
}

/**
 * protoc-gen-validate's KnownRegex. Not strict, both kinds are any text of one line, the empty one included; the
 * strict name has the range `+-.` as the original has it, which lets a comma through.
 */
function headerRegex(known: number, strict: boolean): RegExp {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the rule is about control characters
  if (!strict) return /^[^\u0000\n\r]*$/;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the rule is about control characters
  return known === 1 ? /^:?[0-9a-zA-Z!#$%&'*+-.^_|~`]+$/ : /^[^\u0000-\u0008\u000a-\u001f\u007f]*$/;
}

function isWellKnown(name: string, value: string): boolean {
  switch (name) {
    case 'ip':
      return isIP(value) !== 0;
    case 'ipv4':
      return isIPv4(value);
    case 'ipv6':
      return isIPv6(value);
    case 'hostname':
      return isHostname(value);
    case 'address':
      return isIP(value) !== 0 || isHostname(value);
    case 'email':
      return /^[^@\s]+@[^@\s]+$/.test(value);
    case 'uri':
      return /^[A-Za-z][A-Za-z0-9+.-]*:\S*$/.test(value);
    case 'uuid':
      return /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(value);
    default:
      return !/\s/.test(value);
  }
}

function isHostname(value: string): boolean {
  return (
    value.length <= 253 &&
    value.split('.').every((label) => /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label))
  );
}

function article(name: string): string {
  return /^[aeiu]/.test(name) ? `an ${name}` : `a ${name}`;
}

function checkBytes(rules: BytesRules, length: number): Problem | null {
  if (length === 0 && rules.ignoreEmpty === true) return null;
  const least = rules.len ?? rules.minLen ?? 0;
  const most = rules.len ?? rules.maxLen;
  if (length < least) return outOfRange(`has ${length} bytes, the least is ${least}`);
  if (most !== undefined && length > most) return outOfRange(`has ${length} bytes, the most is ${most}`);
  return null;
}

function checkEnum(
  rules: { readonly const?: number; readonly in?: readonly number[]; readonly notIn?: readonly number[] },
  node: ScalarNode,
  enumeration: EnumSchema,
): Problem | null {
  const number = enumeration.byLowerName.get(String(node.value).toLowerCase())?.number ?? 0;
  const names = (numbers: readonly number[]): string =>
    numbers.map((one) => enumeration.byNumber.get(one)?.name ?? String(one)).join(', ');
  if (rules.const !== undefined && number !== rules.const)
    return outOfRange(`must be ${names([rules.const])}`);
  if (rules.in !== undefined && !rules.in.includes(number))
    return outOfRange(`is ${String(node.value)}`, `one of ${names(rules.in)}`);
  if (rules.notIn?.includes(number) === true) return outOfRange(`must not be ${String(node.value)}`);
  return null;
}

/** Short enough for a message. */
function short(value: string): string {
  return value.length > 60 ? `${value.slice(0, 57)}…` : value;
}
