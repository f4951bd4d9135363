import { compilePattern, type Regex } from './regex.ts';

/** A path template (`/t/{a}/x/{b=**}`, envoy.path.match.uri_template): compiled to RE2 with one group per variable. */
export interface UriTemplate {
  readonly text: string;
  readonly regex: Regex;
  readonly variables: readonly string[];
}

const LITERAL = /^[A-Za-z0-9\-._~%!$&'()+,;:@]+$/;

/** Parses a template; the error text is Envoy's as far as it is known. */
export function parseUriTemplate(text: string): UriTemplate | { error: string } {
  if (!text.startsWith('/')) return { error: 'Pattern must start with /' };
  const variables: string[] = [];
  let pattern = '';
  for (let at = 0; at < text.length; ) {
    const char = text[at] as string;
    if (char === '/') {
      pattern += '/';
      at++;
    } else if (char === '{') {
      const close = text.indexOf('}', at);
      if (close < 0) return { error: `Unmatched variable bracket in "${text.slice(at)}"` };
      const [name = '', inner = '*', ...rest] = text.slice(at + 1, close).split('=');
      if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name) || rest.length > 0)
        return { error: `Invalid variable name: "${name}"` };
      if (variables.includes(name)) return { error: `Repeated variable name: "${name}"` };
      variables.push(name);
      const group = segmentsPattern(inner);
      if (group === null) return { error: `Invalid variable pattern: "${inner}"` };
      pattern += `(${group})`;
      at = close + 1;
    } else {
      let end = at;
      while (end < text.length && text[end] !== '/' && text[end] !== '{') end++;
      const part = operatorPattern(text.slice(at, end));
      if (part === null) return { error: `Invalid literal: "${text.slice(at, end)}"` };
      pattern += part;
      at = end;
    }
  }
  const compiled = compilePattern(pattern);
  return 'error' in compiled ? compiled : { text, regex: compiled.regex, variables };
}

function segmentsPattern(text: string): string | null {
  const parts = text.split('/').map(operatorPattern);
  return parts.includes(null) ? null : parts.join('/');
}

function operatorPattern(text: string): string | null {
  if (text === '**') return '.*';
  if (text === '*') return '[^/]+';
  return LITERAL.test(text) ? text.replaceAll(/[.$()+]/g, '\\$&') : text === '' ? '' : null;
}

/** `\1`-style substitution for a rewrite template that names the variables; null when it names an unknown one. */
export function templateSubstitution(rewrite: string, match: UriTemplate): string | null {
  let unknown = false;
  const text = rewrite.replaceAll('\\', '\\\\').replaceAll(/\{([^}]*)\}/g, (_all, name: string) => {
    const index = match.variables.indexOf(name);
    if (index < 0) unknown = true;
    return `\\${index + 1}`;
  });
  return unknown ? null : text;
}
