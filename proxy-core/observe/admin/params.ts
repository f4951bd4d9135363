/** Query or form parameters as Envoy reads them: the last of equal keys wins; `+` is a plus sign in a query. */
export function parseParams(query: string, form = false): Map<string, string> {
  const params = new Map<string, string>();
  for (const part of query.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const key = equals < 0 ? part : part.slice(0, equals);
    const value = equals < 0 ? '' : part.slice(equals + 1);
    params.set(decode(key, form), decode(value, form));
  }
  return params;
}

/** Percent-decoding that leaves a broken escape as it stands. */
function decode(text: string, form: boolean): string {
  const plain = form ? text.replaceAll('+', ' ') : text;
  if (!plain.includes('%')) return plain;
  const bytes: number[] = [];
  const source = Buffer.from(plain);
  for (let i = 0; i < source.length; i++) {
    const hex = source[i] === 0x25 ? source.toString('latin1', i + 1, i + 3) : '';
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      i += 2;
    } else {
      bytes.push(source[i] as number);
    }
  }
  return Buffer.from(bytes).toString();
}
