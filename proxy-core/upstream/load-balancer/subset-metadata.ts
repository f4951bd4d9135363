import {
  canonicalJson,
  criteriaOf,
  type SubsetCriteria,
  type SubsetCriterion,
  subsetCriteria,
} from '../../base/subset-criteria.ts';
import type { UpstreamHost } from '../host.ts';
import type { HostView } from '../host-set.ts';

const NAMESPACE = 'envoy.lb';
const FALLBACK_LIST = 'fallback_list';

/** The values of a key: one, or with `list_as_any` each of a list; none when the host does not have it. */
function valuesOf(host: UpstreamHost, key: string, listAsAny: boolean): readonly string[] {
  const value = host.metadata.get(NAMESPACE)?.[key];
  if (value === undefined) return [];
  return listAsAny && Array.isArray(value) ? value.map(canonicalJson) : [canonicalJson(value)];
}

/** Hosts by what they have under the keys of one selector, each under the text of the criteria that finds it. */
export function groupByMetadata(
  views: readonly HostView[],
  keys: readonly string[],
  listAsAny: boolean,
): Map<string, HostView[]> {
  const groups = new Map<string, HostView[]>();
  if (keys.length === 0) return groups;
  for (const view of views) {
    let combinations: SubsetCriterion[][] = [[]];
    for (const key of keys) {
      const values = valuesOf(view.host, key, listAsAny);
      combinations = combinations.flatMap((one) => values.map((value) => [...one, { key, value }]));
    }
    for (const entries of combinations) {
      const { text } = criteriaOf(entries);
      const group = groups.get(text);
      if (group === undefined) groups.set(text, [view]);
      else if (group[group.length - 1] !== view) group.push(view);
    }
  }
  return groups;
}

export function hostMatches(host: UpstreamHost, criteria: SubsetCriteria, listAsAny: boolean): boolean {
  return criteria.entries.every(({ key, value }) => valuesOf(host, key, listAsAny).includes(value));
}

/** Why a host is not in the subset: empty when it is. */
export function mismatch(host: UpstreamHost, criteria: SubsetCriteria, listAsAny: boolean): string {
  for (const { key, value } of criteria.entries) {
    const values = valuesOf(host, key, listAsAny);
    if (values.includes(value)) continue;
    const found = values.length === 0 ? 'is missing' : `is ${values.join(' or ')}`;
    return `not in the subset: metadata \`${key}\` ${found}, ${value} wanted`;
  }
  return '';
}

/** Takes `fallback_list` out of the criteria: more criteria to try in order. Null = there is none. */
export function fallbackList(criteria: SubsetCriteria): {
  readonly list: readonly SubsetCriteria[] | null;
  readonly rest: SubsetCriteria;
} {
  const entry = criteria.entries.find(({ key }) => key === FALLBACK_LIST);
  if (entry === undefined) return { list: null, rest: criteria };
  const parsed: unknown = JSON.parse(entry.value);
  const list = Array.isArray(parsed) ? parsed : [];
  return {
    list: list.map((one: unknown) => subsetCriteria(isRecord(one) ? one : {})),
    rest: criteriaOf(criteria.entries.filter((each) => each !== entry)),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
