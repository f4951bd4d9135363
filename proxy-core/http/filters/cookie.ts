import type { HeaderList } from '../../base/headers.ts';

/** The value of a cookie of a request, without quotes around it; undefined when there is none or it is empty. */
export function cookieValue(headers: HeaderList, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'cookie') continue;
    for (const part of (headers[i + 1] ?? '').split(';')) {
      const at = part.indexOf('=');
      if (at < 0 || part.slice(0, at).trim() !== name) continue;
      const value = part.slice(at + 1).trim();
      const quoted = value.length > 1 && value.startsWith('"') && value.endsWith('"');
      return (quoted ? value.slice(1, -1) : value) || undefined;
    }
  }
  return undefined;
}
