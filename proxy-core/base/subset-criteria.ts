/** Metadata that a request asks of its host (`metadata_match`, filter metadata `envoy.lb`): sorted by key. */
export interface SubsetCriteria {
  readonly entries: readonly SubsetCriterion[];
  /** Equal for equal criteria: the key under which their subset is kept. */
  readonly text: string;
}

export interface SubsetCriterion {
  readonly key: string;
  /** The value as canonical JSON: equal texts are equal values. */
  readonly value: string;
}

export function subsetCriteria(values: Readonly<Record<string, unknown>>): SubsetCriteria {
  return criteriaOf(Object.keys(values).map((key) => ({ key, value: canonicalJson(values[key]) })));
}

/** Both; where they name the same key, `over` wins. Null stands for none. */
export function mergeCriteria(
  base: SubsetCriteria | null,
  over: SubsetCriteria | null,
): SubsetCriteria | null {
  if (base === null || over === null) return base ?? over;
  const kept = base.entries.filter((one) => over.entries.every((other) => other.key !== one.key));
  return criteriaOf([...kept, ...over.entries]);
}

/** Those of the given keys only. */
export function criteriaOf(entries: readonly SubsetCriterion[]): SubsetCriteria {
  const sorted = [...entries].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return {
    entries: sorted,
    text: sorted.map(({ key, value }) => `${JSON.stringify(key)}:${value}`).join(','),
  };
}

/** `version 1, stage "prod"`: for people. */
export function criteriaText(entries: readonly SubsetCriterion[]): string {
  return entries.length === 0 ? 'nothing' : entries.map(({ key, value }) => `${key} ${value}`).join(', ');
}

/** JSON with sorted keys. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const record = value as Readonly<Record<string, unknown>>;
  const keys = Object.keys(record).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(record[key])}`).join(',')}}`;
}
