/** The text before the first separator, without blanks: `text/html; charset=x` → `text/html`. */
export function beforeSeparator(value: string, separator: string): string {
  const at = value.indexOf(separator);
  return (at < 0 ? value : value.slice(0, at)).trim();
}

/** Is one of the comma-separated tokens this one, whatever the case? `token` is in lower case. */
export function hasToken(value: string | undefined, token: string): boolean {
  if (value === undefined) return false;
  return value.split(',').some((each) => each.trim().toLowerCase() === token);
}
