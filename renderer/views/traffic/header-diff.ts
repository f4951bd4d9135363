export type Headers = readonly (readonly [string, string])[];

export interface HeaderChange {
  readonly name: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly kind: 'added' | 'removed' | 'changed' | 'same';
}

/** What happened to each header between two heads; repeated names are compared as a whole. */
export function headerDiff(before: Headers, after: Headers): HeaderChange[] {
  const old = grouped(before);
  const now = grouped(after);
  const names = [...old.keys(), ...[...now.keys()].filter((name) => !old.has(name))];
  return names.map((name) => {
    const a = old.get(name) ?? null;
    const b = now.get(name) ?? null;
    const kind = a === null ? 'added' : b === null ? 'removed' : a === b ? 'same' : 'changed';
    return { name, before: a, after: b, kind };
  });
}

function grouped(headers: Headers): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of headers) {
    const known = found.get(name);
    found.set(name, known === undefined ? value : `${known}, ${value}`);
  }
  return found;
}
