/**
 * Checks the argument of every call on arrival: what comes over a transport is untrusted until it passed here.
 * A call answers with `ipc.bad-call` or `ipc.bad-arguments` when it does not.
 */
import type { CallError, CallName, Calls } from './contract.ts';

/** Longest configuration text that is taken, in UTF-16 units. */
export const MAX_CONFIG_TEXT = 32 * 1024 * 1024;
const MAX_PATH = 4096;
const MAX_FILTER = 10_000;
/** Longest name of a cluster, and address of a host. */
const MAX_NAME = 1_000;
/** Most rows or seqs of one answer. */
const MAX_ROWS = 100_000;
/** Longest slice of a body in one answer. */
export const MAX_BODY_SLICE = 256 * 1024;
const MAX_HEADERS = 1_000;
const MAX_NAMES = 200;
/** Most picks that one explanation makes. */
const MAX_DRAWS = 100_000;
const MAX_DEMO_RATE = 5_000;

type Check<T> = (value: unknown) => value is T;
type Shape<T> = { readonly [K in keyof T]-?: Check<T[K]> };

const isString =
  (max: number): Check<string> =>
  (value): value is string =>
    typeof value === 'string' && value.length <= max;

const isInteger =
  (min: number, max: number): Check<number> =>
  (value): value is number =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max;

const isBoolean: Check<boolean> = (value): value is boolean => typeof value === 'boolean';

const isOneOf =
  <T extends string>(...values: readonly T[]): Check<T> =>
  (value): value is T =>
    values.includes(value as T);

const isHeaders: Check<readonly (readonly [string, string])[]> = (
  value,
): value is readonly (readonly [string, string])[] =>
  Array.isArray(value) &&
  value.length <= MAX_HEADERS &&
  value.every(
    (pair) => Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === 'string'),
  );

const isNames: Check<readonly string[]> = (value): value is readonly string[] =>
  Array.isArray(value) && value.length <= MAX_NAMES && value.every(isString(MAX_NAME));

const isDraw: Check<number | undefined> = (value): value is number | undefined =>
  value === undefined || (typeof value === 'number' && Number.isFinite(value) && value >= 0);

const isSeq = isInteger(0, Number.MAX_SAFE_INTEGER);

/** What each call takes; null for nothing. */
const shapes: {
  readonly [N in CallName]: Calls[N]['args'] extends undefined ? null : Shape<NonNullable<Calls[N]['args']>>;
} = {
  'app.resync': null,
  'app.visibility': { visible: isBoolean },
  'state.get': null,
  'config.validate': {
    text: isString(MAX_CONFIG_TEXT),
    lint: (value): value is boolean | undefined => value === undefined || isBoolean(value),
  },
  'config.apply': { text: isString(MAX_CONFIG_TEXT), save: isBoolean },
  'config.open': { file: isString(MAX_PATH) },
  'config.openDialog': null,
  'config.export': { directory: isString(MAX_PATH) },
  'records.rows': { from: isSeq, limit: isInteger(0, MAX_ROWS) },
  'rows.ack': { batch: isSeq },
  'records.filter': { filter: isString(MAX_FILTER), limit: isInteger(0, MAX_ROWS) },
  'records.detail': { seq: isSeq },
  'records.body': {
    seq: isSeq,
    side: isOneOf('request', 'response'),
    offset: isSeq,
    length: isInteger(0, MAX_BODY_SLICE),
  },
  'records.decision': { seq: isSeq },
  'records.routeTests': { filter: isString(MAX_FILTER), limit: isInteger(0, MAX_ROWS) },
  'records.clear': null,
  'records.pause': { paused: isBoolean },
  'hosts.history': { cluster: isString(MAX_NAME), address: isString(MAX_NAME) },
  'hosts.eject': { cluster: isString(MAX_NAME), address: isString(MAX_NAME) },
  'hosts.uneject': { cluster: isString(MAX_NAME), address: isString(MAX_NAME) },
  explain: {
    method: isString(100),
    url: isString(65_536),
    headers: isHeaders,
    random: isDraw,
    draws: (value): value is number | undefined => value === undefined || isInteger(0, MAX_DRAWS)(value),
  },
  'capture.state': null,
  'capture.start': { port: isInteger(0, 65_535), intercept: isNames },
  'capture.stop': null,
  'demo.start': null,
  'demo.rate': { rate: isInteger(0, MAX_DEMO_RATE) },
  'demo.host': { address: isString(300), mode: isOneOf('healthy', '503', 'slow', 'reset', 'down') },
};

/** A call whose name and argument are what the contract says. */
export type CheckedCall = {
  readonly [N in CallName]: { readonly name: N; readonly args: Calls[N]['args'] };
}[CallName];

export type CheckResult = { readonly call: CheckedCall } | { readonly error: CallError };

export function checkCall(name: unknown, args: unknown): CheckResult {
  if (typeof name !== 'string' || !Object.hasOwn(shapes, name)) {
    return { error: { code: 'ipc.bad-call', message: `There is no call named ${JSON.stringify(name)}.` } };
  }
  const shape = shapes[name as CallName] as Readonly<Record<string, Check<unknown>>> | null;
  const wrong = shape === null ? '' : wrongField(shape, args);
  if (wrong !== '') {
    return { error: { code: 'ipc.bad-arguments', message: `${name} was called with a wrong ${wrong}.` } };
  }
  return { call: { name, args: shape === null ? undefined : pick(shape, args as object) } as CheckedCall };
}

/** The first field that does not fit, or empty. */
function wrongField(shape: Readonly<Record<string, Check<unknown>>>, args: unknown): string {
  if (typeof args !== 'object' || args === null || Array.isArray(args)) return 'argument';
  for (const [field, check] of Object.entries(shape)) {
    const value = Object.hasOwn(args, field) ? (args as Record<string, unknown>)[field] : undefined;
    if (!check(value)) return field;
  }
  return '';
}

/** Only the fields of the contract go further. */
function pick(shape: Readonly<Record<string, Check<unknown>>>, args: object): object {
  const picked: Record<string, unknown> = {};
  for (const field of Object.keys(shape)) {
    const value = (args as Record<string, unknown>)[field];
    if (value !== undefined) picked[field] = value;
  }
  return picked;
}
