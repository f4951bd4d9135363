/** A path with parameters set and removed; they come out sorted by name (Envoy keeps them in a sorted map). */
export function withQuery(
  path: string,
  set: readonly (readonly [string, string])[],
  remove: readonly string[],
): string {
  const at = path.indexOf('?');
  const values = new Map<string, string[]>();
  const query = at < 0 ? '' : path.slice(at + 1);
  for (const part of query.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    const value = equals < 0 ? '' : part.slice(equals + 1);
    const known = values.get(name);
    if (known === undefined) values.set(name, [value]);
    else known.push(value);
  }
  for (const [name, value] of set) values.set(name, [value]);
  for (const name of remove) values.delete(name);
  const text = [...values]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, all]) => all.map((value) => `${name}=${value}`))
    .join('&');
  const base = at < 0 ? path : path.slice(0, at);
  return text === '' ? base : `${base}?${text}`;
}
