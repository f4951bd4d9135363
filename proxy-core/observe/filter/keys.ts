import type { RecordRow } from '../../facade/records.ts';

/** What a filter may look at. Everything but the row is fetched only when a term asks for it. */
export interface FilterSubject {
  readonly row: RecordRow;
  /** Lines `name: value` of the request's and the response's headers. */
  headerLines(): readonly string[];
  /** The kept prefixes of both bodies as text. */
  bodies(): readonly string[];
}

export type Comparison = '>' | '<' | '>=' | '<=';

/** A key that holds text: `texts` gives the values of which one must match. */
export interface TextKey {
  readonly kind: 'text';
  readonly caseSensitive: boolean;
  /** Without `*`, part of the value is enough. */
  readonly contains: boolean;
  texts(subject: FilterSubject): readonly string[];
  /** Longer names of a wanted value (`h2`); the value itself otherwise. */
  normalize?(wanted: string): string;
}

/** A key that holds a number. `parse` reads a value with its unit; null when it is none. */
export interface NumberKey {
  readonly kind: 'number';
  number(subject: FilterSubject): number;
  parse(text: string): number | null;
  /** What a value looks like, for the error. */
  readonly expected: string;
  /** A value that stands for a range: `5xx`, `14:31`. */
  range?(text: string): readonly [number, number] | null;
}

export type FilterKey = TextKey | NumberKey;

const DURATION_UNITS: Readonly<Record<string, number>> = {
  us: 0.001,
  µs: 0.001,
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
};

const SIZE_UNITS: Readonly<Record<string, number>> = {
  b: 1,
  k: 1000,
  kb: 1000,
  mb: 1_000_000,
  m: 1_000_000,
  gb: 1e9,
  kib: 1024,
  mib: 1024 * 1024,
};

const GRPC_NAMES: readonly string[] = [
  'ok',
  'canceled',
  'unknown',
  'invalid_argument',
  'deadline_exceeded',
  'not_found',
  'already_exists',
  'permission_denied',
  'resource_exhausted',
  'failed_precondition',
  'aborted',
  'out_of_range',
  'unimplemented',
  'internal',
  'unavailable',
  'data_loss',
  'unauthenticated',
];

function text(read: (row: RecordRow) => string): TextKey {
  return { kind: 'text', caseSensitive: false, contains: false, texts: (s) => [read(s.row)] };
}

function withUnit(units: Readonly<Record<string, number>>, plain: number) {
  return (value: string): number | null => {
    const match = /^(\d+(?:\.\d+)?|\.\d+)\s*([a-zµ]*)$/i.exec(value);
    if (match === null) return null;
    const unit = match[2] === '' ? plain : units[(match[2] as string).toLowerCase()];
    return unit === undefined ? null : Number(match[1]) * unit;
  };
}

function wholeNumber(value: string): number | null {
  return /^\d+$/.test(value) ? Number(value) : null;
}

/** `14:31`, `14:31:48`, `14:31:48.363` of today, or a date with time, in local time, as wall milliseconds. */
function clockTime(value: string): number | null {
  const match = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?$/.exec(value);
  if (match !== null) {
    const day = new Date();
    const milliseconds = Number((match[4] ?? '0').padEnd(3, '0'));
    return day.setHours(Number(match[1]), Number(match[2]), Number(match[3] ?? 0), milliseconds);
  }
  const parsed = /^\d{4}-\d{2}-\d{2}/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(parsed) ? null : parsed;
}

export const KEYS: Readonly<Record<string, FilterKey>> = {
  status: {
    kind: 'number',
    number: (s) => s.row.status,
    parse: (value) => (value === 'none' ? 0 : wholeNumber(value)),
    expected: 'a status such as 503, a class such as 5xx, or none',
    range: (value) => {
      const match = /^([1-9])xx$/i.exec(value);
      return match === null ? null : [Number(match[1]) * 100, Number(match[1]) * 100 + 99];
    },
  },
  method: text((row) => row.method),
  host: text((row) => row.authority),
  path: {
    kind: 'text',
    caseSensitive: true,
    contains: false,
    texts: (s) => {
      const query = s.row.path.indexOf('?');
      return query < 0 ? [s.row.path] : [s.row.path, s.row.path.slice(0, query)];
    },
  },
  route: text((row) => row.route),
  cluster: text((row) => row.cluster),
  upstream: text((row) => row.host),
  flag: {
    kind: 'text',
    caseSensitive: false,
    contains: false,
    texts: (s) => s.row.flags.split(','),
  },
  by: {
    kind: 'text',
    caseSensitive: false,
    contains: false,
    texts: (s) => (s.row.local ? ['proxy'] : s.row.status > 0 ? ['upstream'] : []),
  },
  attempts: {
    kind: 'number',
    number: (s) => s.row.attempts,
    parse: wholeNumber,
    expected: 'a number such as 2',
  },
  time: {
    kind: 'number',
    number: (s) => s.row.at,
    parse: clockTime,
    expected: 'a time such as 14:31:48',
    range: (value) => {
      const from = clockTime(value);
      if (from === null) return null;
      const unit = /^\d{1,2}:\d{2}$/.test(value) ? 60_000 : value.includes('.') ? 1 : 1000;
      return [from, from + unit - 1];
    },
  },
  dur: {
    kind: 'number',
    // A request that still runs has no duration yet.
    number: (s) => (s.row.done ? s.row.duration : Number.NaN),
    parse: withUnit(DURATION_UNITS, 1),
    expected: 'a duration such as 200ms or 1.5s',
  },
  size: {
    kind: 'number',
    number: (s) => s.row.responseBytes,
    parse: withUnit(SIZE_UNITS, 1),
    expected: 'a size such as 10kB',
  },
  proto: {
    kind: 'text',
    caseSensitive: false,
    contains: false,
    texts: (s) => [s.row.protocol],
    normalize: (wanted) => {
      const short = wanted.toLowerCase();
      if (short === 'h1' || short === '1.1') return 'HTTP/1.1';
      if (short === 'h2' || short === '2') return 'HTTP/2';
      return short === '1.0' ? 'HTTP/1.0' : wanted;
    },
  },
  listener: text((row) => row.listener),
  fault: {
    kind: 'text',
    caseSensitive: false,
    contains: false,
    texts: (s) => {
      const flags = s.row.flags.split(',');
      return [flags.includes('DI') ? 'delay' : '', flags.includes('FI') ? 'abort' : ''].filter(
        (t) => t !== '',
      );
    },
  },
  grpc: {
    kind: 'text',
    caseSensitive: false,
    contains: false,
    texts: (s) => {
      const line = s.headerLines().find((l) => l.startsWith('grpc-status: '));
      return line === undefined ? [] : [line.slice(13)];
    },
    normalize: (wanted) => {
      const index = GRPC_NAMES.indexOf(wanted.toLowerCase().replaceAll(/[ -]/g, '_'));
      return index < 0 ? wanted : String(index);
    },
  },
  body: { kind: 'text', caseSensitive: false, contains: true, texts: (s) => s.bodies() },
  header: {
    kind: 'text',
    caseSensitive: false,
    contains: false,
    texts: (s) => s.headerLines(),
    // `header:x-canary` asks for the name, `header:x-canary=1` for the value.
    normalize: (wanted) => {
      const equals = wanted.indexOf('=');
      return equals < 0 ? `${wanted}: *` : `${wanted.slice(0, equals)}: ${wanted.slice(equals + 1)}`;
    },
  },
};
