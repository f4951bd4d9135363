import type { Tree } from './case.ts';

export interface Names {
  /** Port number → the name that stands for it: `{{listener}}`. */
  readonly ports: ReadonlyMap<number, string>;
  readonly directory: string;
  readonly extra: readonly { match: string; with: string }[];
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const HTTP_DATE = /(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT/g;
const ISO_TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+\d{4})/g;

/** Replaces what differs between any two runs by words in double braces, everywhere in `value`. */
export function normalise<T extends Tree>(value: T, names: Names): T {
  return walk(value, names) as T;
}

function walk(value: Tree, names: Names): Tree {
  if (typeof value === 'string') return normaliseText(value, names);
  if (Array.isArray(value)) return value.map((element) => walk(element, names));
  if (value !== null && typeof value === 'object') {
    const mapped: Record<string, Tree> = {};
    for (const [key, element] of Object.entries(value)) {
      const port = key === 'port_value' && typeof element === 'number' ? names.ports.get(element) : undefined;
      mapped[normaliseText(key, names)] = port ?? walk(element, names);
    }
    return mapped;
  }
  return value;
}

export function normaliseText(text: string, names: Names): string {
  let result = text.replaceAll(names.directory, '{{dir}}');
  result = result.replace(/(?<!\d)\d{5}(?!\d)/g, (digits) => names.ports.get(Number(digits)) ?? digits);
  result = result
    .replace(/(127\.0\.0\.\d+):\d{5}\b/g, '$1:{{port}}')
    .replace(UUID, '{{uuid}}')
    .replace(HTTP_DATE, '{{date}}')
    .replace(ISO_TIME, '{{time}}')
    .replace(/(x-envoy-upstream-service-time): \d+/gi, '$1: {{ms}}');
  for (const rule of names.extra) result = result.replace(new RegExp(rule.match, 'gm'), rule.with);
  return result;
}
