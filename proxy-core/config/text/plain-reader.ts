import { jsonScalar, yamlScalar } from './plain-scalar.ts';
import type { SourceEntry, SourceList, SourceMap, SourceNode, SourceScalar } from './source-node.ts';

/**
 * Reads what nearly every Envoy file is written in: block maps and lists, flow maps and lists, scalars of one line, and
 * literal block scalars. Ten times as fast as the complete YAML parser, and without one object per character class and
 * token. Whatever else stands in the text (anchors, tags, several documents, folded scalars, tabs, duplicate keys, and
 * above all every mistake) makes it answer null: then the complete parser reads the text and finds the words for it.
 * The two must give the same tree: test/unit/proxy-core/config/text/plain-reader.test.ts.
 */
export function readPlainText(text: string, json: boolean): SourceNode | null {
  try {
    return new PlainReader(text, json).document();
  } catch (error) {
    if (error === UNUSUAL) return null;
    throw error;
  }
}

/** Thrown to give up; never leaves this file. */
const UNUSUAL = new Error('not of the plain kind');

/** Far below the limits of the complete parser, which has the last word. */
const MAX_DEPTH = 80;
const MAX_KEY = 1000;
/** Keys and values; more are refused by the complete parser, in its words. */
const MAX_SCALARS = 500_000;
/** Up to so many entries a map is searched for its duplicates; a larger one keeps a set of its keys. */
const FEW_ENTRIES = 12;

const LF = 0x0a;
const CR = 0x0d;
const TAB = 0x09;
const SPACE = 0x20;
const DOUBLE_QUOTE = 0x22;
const HASH = 0x23;
const SINGLE_QUOTE = 0x27;
const COMMA = 0x2c;
const DASH = 0x2d;
const DOT = 0x2e;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const BAR = 0x7c;
const CLOSE_MAP = 0x7d;

/** Characters that a plain scalar may begin with whatever follows; `-` and `.` are looked at separately. */
const STARTS_PLAIN = asciiTable('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_/+(~$;=^');
const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

function asciiTable(characters: string): Uint8Array {
  const table = new Uint8Array(128);
  for (let i = 0; i < characters.length; i++) table[characters.charCodeAt(i)] = 1;
  return table;
}

function isFlowIndicator(code: number): boolean {
  return (
    code === COMMA || code === OPEN_LIST || code === CLOSE_LIST || code === OPEN_MAP || code === CLOSE_MAP
  );
}

class PlainReader {
  private at = 0;
  private lineStart = 0;
  private scalars = 0;
  private readonly length: number;

  constructor(
    private readonly text: string,
    private readonly json: boolean,
  ) {
    this.length = text.length;
  }

  document(): SourceNode {
    this.skipLines();
    if (this.code() === DASH && this.at === this.lineStart && this.text.startsWith('---', this.at)) {
      this.at += 3;
      this.nextLine();
    }
    const root = this.blockNode(-1, 0);
    // A scalar alone is no configuration, and multi-line ones are not for this reader.
    if (this.at < this.length || root.kind === 'scalar') throw UNUSUAL;
    return root;
  }

  /** NaN at the end. */
  private code(): number {
    return this.text.charCodeAt(this.at);
  }

  private isBlankAt(at: number): boolean {
    if (at >= this.length) return true;
    const code = this.text.charCodeAt(at);
    return code === SPACE || code === LF || code === CR;
  }

  private skipSpaces(): void {
    while (this.code() === SPACE) this.at++;
  }

  /** From wherever we are to the next thing that is not a blank, a comment or a line break. True when a line ended. */
  private skipLines(inFlow = false): boolean {
    const { text } = this;
    let crossed = false;
    for (; ; this.at++) {
      const code = text.charCodeAt(this.at);
      if (code === SPACE) continue;
      if (code === LF) {
        this.lineStart = this.at + 1;
        crossed = true;
      } else if (code === CR) {
        if (text.charCodeAt(this.at + 1) !== LF) throw UNUSUAL;
      } else if (code === HASH) {
        const before = this.at === 0 ? LF : text.charCodeAt(this.at - 1);
        // The complete parser refuses some comments at the start of a line within brackets.
        if (before !== SPACE && (before !== LF || inFlow)) throw UNUSUAL;
        const end = text.indexOf('\n', this.at);
        this.at = (end < 0 ? this.length : end) - 1;
      } else {
        return crossed;
      }
    }
  }

  /** To the next content, which must stand on a line of its own. */
  private nextLine(): void {
    if (!this.skipLines() && this.at < this.length) throw UNUSUAL;
  }

  private atDash(): boolean {
    return this.code() === DASH && this.isBlankAt(this.at + 1);
  }

  // Block style. Each function ends at the next content, on a line after what it has read.

  /** A node whose first character is here; `parent` is the column of the map or list that it belongs to. */
  private blockNode(parent: number, depth: number): SourceNode {
    if (this.atDash()) return this.blockList(depth);
    const start = this.at;
    const code = this.code();
    if (code === OPEN_MAP || code === OPEN_LIST || code === BAR) return this.inlineNode(parent, depth);
    const scalar = this.scalar(false);
    if (this.atKeyEnd()) return this.blockMap(start - this.lineStart, scalar, depth);
    this.nextLine();
    return scalar;
  }

  /** A node that ends with its line, or with the brackets or the block that it opens. */
  private inlineNode(parent: number, depth: number): SourceNode {
    const code = this.code();
    if (code === BAR) return this.literal(parent);
    const node = code === OPEN_MAP || code === OPEN_LIST ? this.flow(parent, depth) : this.scalar(false);
    this.nextLine();
    return node;
  }

  /** True with the colon behind a key that has just been read; stands on the colon then. */
  private atKeyEnd(): boolean {
    let at = this.at;
    while (this.text.charCodeAt(at) === SPACE) at++;
    if (this.text.charCodeAt(at) !== COLON || !this.isBlankAt(at + 1)) return false;
    this.at = at;
    return true;
  }

  private blockMap(column: number, first: SourceScalar, depth: number): SourceMap {
    if (depth > MAX_DEPTH) throw UNUSUAL;
    const entries: SourceEntry[] = [];
    const keys = new Keys(entries);
    let key = first;
    for (;;) {
      this.at++;
      keys.add(key);
      const value = this.blockValue(column, depth + 1, true);
      entries.push({ key: key.text, keyStart: key.start, keyEnd: key.end, value });
      const next = this.at - this.lineStart;
      if (this.at >= this.length || next < column) break;
      if (next > column || this.atDash()) throw UNUSUAL;
      key = this.scalar(false);
      if (!this.atKeyEnd()) throw UNUSUAL;
    }
    const last = entries[entries.length - 1] as SourceEntry;
    const end = this.trimmed(first.start, last.value.end);
    return { kind: 'map', start: first.start, end, entries, flow: false };
  }

  private blockList(depth: number): SourceList {
    if (depth > MAX_DEPTH) throw UNUSUAL;
    const start = this.at;
    const column = start - this.lineStart;
    const items: SourceNode[] = [];
    do {
      this.at++;
      items.push(this.blockValue(column, depth + 1, false));
      const next = this.at - this.lineStart;
      if (this.at >= this.length || next < column) break;
      if (next > column) throw UNUSUAL;
    } while (this.atDash());
    const last = items[items.length - 1] as SourceNode;
    return { kind: 'list', start, end: this.trimmed(start, last.end), items };
  }

  /** What follows the colon of a key or the dash of an item. */
  private blockValue(column: number, depth: number, inMap: boolean): SourceNode {
    this.skipSpaces();
    const here = this.at;
    const code = this.code();
    if (here < this.length && code !== LF && code !== CR && code !== HASH) {
      return inMap ? this.inlineNode(column, depth) : this.blockNode(column, depth);
    }
    this.nextLine();
    if (this.at < this.length) {
      const next = this.at - this.lineStart;
      // A block scalar whose header has a line of its own is too rare to be told apart here.
      if (next > column) return this.code() === BAR ? giveUp() : this.blockNode(column, depth);
      if (inMap && next === column && this.atDash()) return this.blockList(depth);
    }
    // YAML knows the empty value, JSON does not.
    if (this.json) throw UNUSUAL;
    return { kind: 'scalar', start: here, end: here, value: null, text: '', quoted: false };
  }

  /** `|` and `|-`; the text ends before the first line that is indented less than its first one. */
  private literal(parent: number): SourceScalar {
    const { text } = this;
    const start = this.at++;
    const strip = this.code() === DASH;
    if (strip) this.at++;
    if (this.code() !== LF) throw UNUSUAL;
    let lineStart = this.at + 1;
    let indent = -1;
    let end = 0;
    let value = '';
    let blankLines = 0;
    while (lineStart < this.length) {
      let at = lineStart;
      while (text.charCodeAt(at) === SPACE) at++;
      const code = text.charCodeAt(at);
      const column = at - lineStart;
      if (at >= this.length || code === LF) {
        if (indent < 0 || column > indent) throw UNUSUAL;
        blankLines++;
        lineStart = at + 1;
        continue;
      }
      if (code === TAB || code === CR) throw UNUSUAL;
      if (indent < 0) indent = column;
      if (indent <= parent) throw UNUSUAL;
      if (column < indent) {
        if (column > parent) throw UNUSUAL;
        break;
      }
      const lineEnd = text.indexOf('\n', at);
      end = lineEnd < 0 ? this.length : lineEnd;
      if (value !== '') value += '\n'.repeat(blankLines + 1);
      blankLines = 0;
      value += text.slice(lineStart + indent, end);
      lineStart = end + 1;
    }
    if (indent < 0 || value.includes('\r')) throw UNUSUAL;
    if (!strip) value += '\n';
    this.at = Math.min(lineStart, this.length);
    this.lineStart = this.at;
    this.skipLines();
    return { kind: 'scalar', start, end: this.trimmed(start, end), value, text: value, quoted: true };
  }

  // Flow style. Each function ends right behind what it has read.

  private flow(indent: number, depth: number): SourceNode {
    if (depth > MAX_DEPTH) throw UNUSUAL;
    return this.code() === OPEN_MAP ? this.flowMap(indent, depth) : this.flowList(indent, depth);
  }

  private flowMap(indent: number, depth: number): SourceMap {
    const start = this.at++;
    const entries: SourceEntry[] = [];
    const keys = new Keys(entries);
    this.flowSpace(indent);
    while (this.code() !== CLOSE_MAP) {
      const key = this.scalar(true);
      this.skipSpaces();
      if (this.code() !== COLON) throw UNUSUAL;
      this.at++;
      if (!key.quoted && !this.isBlankAt(this.at)) throw UNUSUAL;
      this.flowSpace(indent);
      keys.add(key);
      const value = this.flowValue(indent, depth + 1);
      entries.push({ key: key.text, keyStart: key.start, keyEnd: key.end, value });
      this.flowSeparator(indent, CLOSE_MAP);
    }
    return { kind: 'map', start, end: ++this.at, entries, flow: true };
  }

  private flowList(indent: number, depth: number): SourceList {
    const start = this.at++;
    const items: SourceNode[] = [];
    this.flowSpace(indent);
    while (this.code() !== CLOSE_LIST) {
      items.push(this.flowValue(indent, depth + 1));
      this.flowSeparator(indent, CLOSE_LIST);
    }
    return { kind: 'list', start, end: ++this.at, items };
  }

  private flowValue(indent: number, depth: number): SourceNode {
    const code = this.code();
    return code === OPEN_MAP || code === OPEN_LIST ? this.flow(indent, depth) : this.scalar(true);
  }

  private flowSeparator(indent: number, close: number): void {
    this.flowSpace(indent);
    const code = this.code();
    if (code === close) return;
    if (code !== COMMA) throw UNUSUAL;
    this.at++;
    this.flowSpace(indent);
  }

  /** Lines inside of brackets must be indented more than the map or list around them. */
  private flowSpace(indent: number): void {
    const code = this.code();
    if (code > SPACE && code !== HASH) return;
    if (this.skipLines(true) && this.at - this.lineStart <= indent) throw UNUSUAL;
  }

  // Scalars of one line; each ends right behind it.

  private scalar(inFlow: boolean): SourceScalar {
    if (++this.scalars > MAX_SCALARS) throw UNUSUAL;
    const code = this.code();
    if (code === DOUBLE_QUOTE) return this.doubleQuoted();
    if (code === SINGLE_QUOTE) return this.singleQuoted();
    return this.plain(inFlow);
  }

  private plain(inFlow: boolean): SourceScalar {
    const { text } = this;
    const start = this.at;
    if (!this.startsPlain(start)) throw UNUSUAL;
    let end = start;
    let ascii = true;
    let before = 0;
    for (let at = start; at < this.length; at++) {
      const code = text.charCodeAt(at);
      if (code === LF || code === CR) break;
      if (code === TAB) throw UNUSUAL;
      if (code === COLON) {
        if (this.isBlankAt(at + 1) || (inFlow && isFlowIndicator(text.charCodeAt(at + 1)))) break;
      } else if (code === HASH) {
        if (before === SPACE) break;
      } else if (inFlow && isFlowIndicator(code)) break;
      if (code > 0x7f) ascii = false;
      if (code !== SPACE) end = at + 1;
      before = code;
    }
    this.at = end;
    const word = text.slice(start, end);
    // Blanks of other scripts: whether they belong to the word is not decided here.
    if (!ascii && /\s/.test(word.charAt(word.length - 1))) throw UNUSUAL;
    const value = this.json ? jsonScalar(word) : yamlScalar(word);
    if (value === undefined) throw UNUSUAL;
    return { kind: 'scalar', start, end, value, text: word, quoted: false };
  }

  private startsPlain(at: number): boolean {
    const code = this.text.charCodeAt(at);
    if (code < 0x80) {
      if (STARTS_PLAIN[code] === 1) return true;
      if (code !== DASH && code !== DOT) return false;
      const next = this.text.charCodeAt(at + 1);
      return next < 0x80 && (STARTS_PLAIN[next] === 1 || (code === DASH && next === DOT));
    }
    return code > 0xa0 && code !== 0xfeff;
  }

  private doubleQuoted(): SourceScalar {
    const { text } = this;
    const start = this.at;
    let value = '';
    let from = start + 1;
    for (let at = from; at < this.length; at++) {
      const code = text.charCodeAt(at);
      if (code === DOUBLE_QUOTE) {
        value = from === start + 1 ? text.slice(from, at) : value + text.slice(from, at);
        return this.quoted(start, at + 1, value);
      }
      if (code === LF || code === CR) break;
      if (code !== BACKSLASH) continue;
      value += text.slice(from, at);
      const escaped = text.charAt(++at);
      const simple = SIMPLE_ESCAPES[escaped];
      if (simple !== undefined) value += simple;
      else if (escaped === 'u' && /^[0-9a-fA-F]{4}$/.test(text.slice(at + 1, at + 5))) {
        value += String.fromCharCode(Number.parseInt(text.slice(at + 1, at + 5), 16));
        at += 4;
      } else break;
      from = at + 1;
    }
    throw UNUSUAL;
  }

  private singleQuoted(): SourceScalar {
    const { text } = this;
    const start = this.at;
    let doubled = false;
    for (let at = start + 1; at < this.length; at++) {
      const code = text.charCodeAt(at);
      if (code === LF || code === CR) break;
      if (code !== SINGLE_QUOTE) continue;
      if (text.charCodeAt(at + 1) !== SINGLE_QUOTE) {
        const value = text.slice(start + 1, at);
        return this.quoted(start, at + 1, doubled ? value.replaceAll("''", "'") : value);
      }
      doubled = true;
      at++;
    }
    throw UNUSUAL;
  }

  private quoted(start: number, end: number, value: string): SourceScalar {
    this.at = end;
    return { kind: 'scalar', start, end, value, text: value, quoted: true };
  }

  private trimmed(start: number, end: number): number {
    while (end > start && /\s/.test(this.text.charAt(end - 1))) end--;
    return end;
  }
}

/** Gives up at the second key of a name, and at keys longer than YAML allows. */
class Keys {
  private known: Set<string> | null = null;

  constructor(private readonly entries: readonly SourceEntry[]) {}

  add(key: SourceScalar): void {
    const { entries } = this;
    if (key.end - key.start > MAX_KEY) throw UNUSUAL;
    if (this.known === null && entries.length > FEW_ENTRIES) {
      this.known = new Set(entries.map((entry) => entry.key));
    }
    if (this.known !== null) {
      if (this.known.has(key.text)) throw UNUSUAL;
      this.known.add(key.text);
      return;
    }
    for (let i = 0; i < entries.length; i++) {
      if ((entries[i] as SourceEntry).key === key.text) throw UNUSUAL;
    }
  }
}

function giveUp(): never {
  throw UNUSUAL;
}
