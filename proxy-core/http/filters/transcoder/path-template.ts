/** One segment of a path template: a literal, `*` or `**`. */
export type Segment = string;

export interface TemplateVariable {
  /** Names of fields from the request message down. */
  readonly fieldPath: readonly string[];
  /** Segments `[start, end)` that the value spans. */
  readonly start: number;
  readonly end: number;
  /** More than one segment may be in the value: `/` stays as it was written. */
  readonly multiple: boolean;
}

/** A path template of `google.api.http`, compiled. */
export interface PathTemplate {
  readonly segments: readonly Segment[];
  /** The custom verb after the last `:`, empty when there is none. */
  readonly verb: string;
  readonly variables: readonly TemplateVariable[];
}

/** A value that a path gives to a field. */
export interface PathBinding {
  readonly fieldPath: readonly string[];
  readonly value: string;
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/;

/**
 * `/v1/{name=shelves/*}/books/{id}:verb` (google/api/http.proto, "Path template syntax"). Null when it is none: `**`
 * may only be the last segment, and variables do not nest.
 */
export function parseTemplate(text: string): PathTemplate | null {
  if (!text.startsWith('/')) return null;
  const segments: Segment[] = [];
  const variables: TemplateVariable[] = [];
  let verb = '';
  let at = 1;
  const literal = (ends: RegExp): string => {
    const start = at;
    while (at < text.length && !ends.test(text[at] as string)) at++;
    return text.slice(start, at);
  };
  for (;;) {
    if (text[at] === '{') {
      const close = text.indexOf('}', at);
      if (close < 0) return null;
      const inside = text.slice(at + 1, close);
      at = close + 1;
      const equals = inside.indexOf('=');
      const name = equals < 0 ? inside : inside.slice(0, equals);
      const parts = equals < 0 ? ['*'] : inside.slice(equals + 1).split('/');
      if (!IDENTIFIER.test(name) || parts.some((part) => part === '' || /[{}:]/.test(part))) return null;
      const start = segments.length;
      segments.push(...parts);
      const multiple = parts.length > 1 || parts[0] === '**';
      variables.push({ fieldPath: name.split('.'), start, end: segments.length, multiple });
    } else {
      const segment = literal(/[/:{}]/);
      if (segment === '') return null;
      segments.push(segment);
    }
    if (text[at] === '/') {
      at++;
      continue;
    }
    break;
  }
  if (text[at] === ':') {
    at++;
    verb = literal(/[/:{}]/);
    if (verb === '') return null;
  }
  const wide = segments.indexOf('**');
  if (at !== text.length || (wide >= 0 && wide !== segments.length - 1)) return null;
  return { segments, verb, variables };
}

/** Does a path, split at its slashes, fit? */
export function matchesTemplate(template: PathTemplate, parts: readonly string[]): boolean {
  const { segments } = template;
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i];
    if (segment === '**') return true;
    const part = parts[i];
    if (part === undefined || part === '' || (segment !== '*' && segment !== part)) return false;
  }
  return parts.length === segments.length;
}

/** Less than 0: `a` is the nearer match. A literal goes before `*`, `*` before `**`, from the left. */
export function compareTemplates(a: PathTemplate, b: PathTemplate): number {
  const length = Math.max(a.segments.length, b.segments.length);
  for (let i = 0; i < length; i++) {
    const difference = rank(a.segments[i]) - rank(b.segments[i]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function rank(segment: Segment | undefined): number {
  if (segment === '**') return 2;
  return segment === '*' ? 1 : 0;
}

/** How much of a value over several segments is decoded (`url_unescape_spec`). */
export type UnescapeSpec =
  | 'ALL_CHARACTERS_EXCEPT_RESERVED'
  | 'ALL_CHARACTERS_EXCEPT_SLASH'
  | 'ALL_CHARACTERS';

const RESERVED = "!#$&'()*+,/:;=?@[]";

/** Percent-decodes to UTF-8; what may not be decoded, or is no escape, stays. */
export function unescapeValue(text: string, spec: UnescapeSpec): string {
  if (!text.includes('%')) return text;
  const kept = spec === 'ALL_CHARACTERS' ? '' : spec === 'ALL_CHARACTERS_EXCEPT_SLASH' ? '/' : RESERVED;
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) => {
    const bytes: number[] = [];
    for (let i = 0; i < run.length; i += 3) {
      const byte = Number.parseInt(run.slice(i + 1, i + 3), 16);
      if (byte < 128 && kept.includes(String.fromCharCode(byte))) {
        for (const char of run.slice(i, i + 3)) bytes.push(char.charCodeAt(0));
      } else bytes.push(byte);
    }
    return Buffer.from(bytes).toString('utf8');
  });
}

/** The values of a path that fits. */
export function pathBindings(
  template: PathTemplate,
  parts: readonly string[],
  spec: UnescapeSpec,
): PathBinding[] {
  return template.variables.map(({ fieldPath, start, end, multiple }) => {
    const last = template.segments[end - 1] === '**' ? parts.length : end;
    const value = parts
      .slice(start, last)
      .map((part) => unescapeValue(part, multiple ? spec : 'ALL_CHARACTERS'))
      .join('/');
    return { fieldPath, value };
  });
}
