import { type HeaderList, headerValue } from '../../base/headers.ts';

/** What a host says of its load in an answer (`xds.data.orca.v3.OrcaLoadReport`), as far as weights need it. */
export interface LoadReport {
  readonly cpuUtilization: number;
  readonly applicationUtilization: number;
  /** Requests and errors per second. */
  readonly rps: number;
  readonly eps: number;
}

/** Numbers of the fields in the message. */
const FIELD_NUMBERS: ReadonlyMap<number, keyof LoadReport> = new Map([
  [1, 'cpuUtilization'],
  [6, 'rps'],
  [7, 'eps'],
  [9, 'applicationUtilization'],
] as const);

const FIELD_NAMES: ReadonlyMap<string, keyof LoadReport> = new Map([
  ['cpu_utilization', 'cpuUtilization'],
  ['cpuUtilization', 'cpuUtilization'],
  ['application_utilization', 'applicationUtilization'],
  ['applicationUtilization', 'applicationUtilization'],
  ['rps_fractional', 'rps'],
  ['rpsFractional', 'rps'],
  ['eps', 'eps'],
] as const);

type Values = { -readonly [K in keyof LoadReport]: number };

/** The report in the headers of an answer; null when there is none that can be read. */
export function loadReportOf(headers: HeaderList): LoadReport | null {
  const binary = headerValue(headers, 'endpoint-load-metrics-bin');
  if (binary !== undefined) return fromBinary(binary);
  const text = headerValue(headers, 'endpoint-load-metrics');
  if (text === undefined) return null;
  const [kind] = text.split(' ', 1);
  const rest = text.slice((kind ?? '').length + 1);
  switch (kind) {
    case 'JSON':
      return fromJson(rest);
    case 'TEXT':
      return fromText(rest);
    case 'BIN':
      return fromBinary(rest);
    default:
      return null;
  }
}

function none(): Values {
  return { cpuUtilization: 0, applicationUtilization: 0, rps: 0, eps: 0 };
}

function fromJson(text: string): LoadReport | null {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null) return null;
    const values = none();
    for (const [name, value] of Object.entries(parsed)) {
      const field = FIELD_NAMES.get(name);
      if (field !== undefined && typeof value === 'number') values[field] = value;
    }
    return values;
  } catch {
    return null;
  }
}

/** `cpu_utilization=0.3,rps_fractional=100`; what is named twice or is no number refuses the report. */
function fromText(text: string): LoadReport | null {
  const values = none();
  const seen = new Set<string>();
  for (const pair of text.split(',')) {
    const at = pair.search(/[=:]/);
    const name = pair.slice(0, Math.max(0, at)).trim();
    const written = pair.slice(at + 1).trim();
    const value = Number(written);
    if (at < 1 || written === '' || !Number.isFinite(value) || seen.has(name)) return null;
    seen.add(name);
    const field = FIELD_NAMES.get(name);
    if (field !== undefined) values[field] = value;
  }
  return values;
}

/** The message in base64: fields of other kinds are passed over. */
function fromBinary(text: string): LoadReport | null {
  const bytes = Buffer.from(text, 'base64');
  const values = none();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; at < bytes.length; shift *= 128) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
    return -1;
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag <= 0) return null;
    const field = FIELD_NUMBERS.get(Math.floor(tag / 8));
    switch (tag % 8) {
      case 0:
        if (varint() < 0) return null;
        break;
      case 1:
        if (at + 8 > bytes.length) return null;
        if (field !== undefined) values[field] = bytes.readDoubleLE(at);
        at += 8;
        break;
      case 2: {
        const length = varint();
        if (length < 0 || at + length > bytes.length) return null;
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        return null;
    }
  }
  return values;
}
