/** One piece of a filter with its place in the text (0-based, end exclusive). */
export interface Token {
  readonly kind: 'word' | 'open' | 'close' | 'or' | 'and' | 'not';
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** False when a quote is still open: the user is typing. */
  readonly closed: boolean;
}

/** Splits at blanks and parentheses outside quotes. A word keeps its quotes. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const c = text[at] as string;
    if (isBlank(c)) {
      at++;
    } else if (c === '(' || c === ')') {
      tokens.push({ kind: c === '(' ? 'open' : 'close', text: c, start: at, end: at + 1, closed: true });
      at++;
    } else if (c === '-' && at + 1 < text.length && !isBlank(text[at + 1] as string)) {
      tokens.push({ kind: 'not', text: c, start: at, end: at + 1, closed: true });
      at++;
    } else {
      const token = word(text, at);
      tokens.push(token);
      at = token.end;
    }
  }
  return tokens;
}

function word(text: string, start: number): Token {
  let at = start;
  let quoted = false;
  while (at < text.length) {
    const c = text[at] as string;
    if (quoted) {
      if (c === '\\' && at + 1 < text.length) at++;
      else if (c === '"') quoted = false;
    } else if (c === '"') {
      quoted = true;
    } else if (isBlank(c) || c === '(' || c === ')') {
      break;
    }
    at++;
  }
  const end = Math.min(at, text.length);
  const piece = text.slice(start, end);
  const operator = piece === 'or' || piece === 'and' || piece === 'not' ? piece : 'word';
  return { kind: operator, text: piece, start, end, closed: !quoted };
}

function isBlank(c: string): boolean {
  return c === ' ' || c === '\t' || c === '\n' || c === '\r';
}

/** Takes quotes away; `\"` and `\\` inside quotes are the character, any other backslash stays (regexes need it). */
export function unquote(text: string): string {
  let result = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (c === '"') {
      quoted = !quoted;
    } else if (quoted && c === '\\' && (text[i + 1] === '"' || text[i + 1] === '\\')) {
      // A doubled backslash stays doubled: inside a regex it is the escaped backslash.
      result += text[i + 1] === '"' ? '"' : '\\\\';
      i++;
    } else {
      result += c;
    }
  }
  return result;
}

/** Splits a value at commas outside quotes. */
export function splitList(text: string): string[] {
  const items: string[] = [];
  let from = 0;
  let quoted = false;
  for (let i = 0; i <= text.length; i++) {
    const c = text[i];
    if (c === '\\' && quoted) i++;
    else if (c === '"') quoted = !quoted;
    else if (i === text.length || (c === ',' && !quoted)) {
      if (i > from) items.push(unquote(text.slice(from, i)));
      from = i + 1;
    }
  }
  return items;
}
