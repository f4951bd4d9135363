import { type Document, isAlias, isMap, isScalar, isSeq, type Node, parseAllDocuments } from 'yaml';
import type { Diagnostic, Severity, SourceRange } from '../diagnostic.ts';
import { readPlainText } from './plain-reader.ts';
import { jsonScalar, yamlScalar } from './plain-scalar.ts';
import type { SourceEntry, SourceList, SourceMap, SourceNode, SourceScalar } from './source-node.ts';
import { SourceText } from './source-text.ts';

/** Larger texts are refused at once: no configuration of that size was written, or can be edited, by hand. */
export const MAX_TEXT = 8 * 1024 * 1024;
/** Nesting of maps and lists, as in Envoy's JSON reader. */
export const MAX_DEPTH = 100;
/** Lines, separators, brackets and quotes of a text, together: what the time of complete parsing grows with. */
const MAX_MARKS = 250_000;
const MAX_SYNTAX_ERRORS = 20;
const PROBE = 64 * 1024;

export interface ParsedText {
  readonly source: SourceText;
  readonly json: boolean;
  /** Null when there is nothing, or nothing that can be understood. */
  readonly root: SourceNode | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** JSON by name; any other file is read as YAML, of which JSON is a part. */
export function parseText(file: string, text: string): ParsedText {
  const json = /\.json$/i.test(file);
  const broken = (message: string, expected?: string): ParsedText => {
    const source = new SourceText(file, text.slice(0, 200));
    return { source, json, root: null, diagnostics: [documentError(source, message, expected)] };
  };
  const binary = text.slice(0, PROBE).search(BINARY);
  if (binary >= 0 || text.slice(PROBE).search(BINARY) >= 0) {
    return broken(`${name(file)} is not a text file.`, 'an Envoy bootstrap in YAML or JSON');
  }
  if (text.length > MAX_TEXT) {
    const size = (text.length / 1048576).toFixed(1);
    return broken(`${name(file)} has ${size} MB; a configuration may have ${MAX_TEXT / 1048576} MB.`);
  }
  const source = new SourceText(file, text);
  const root = readPlainText(text, json);
  if (root !== null) return { source, json, root, diagnostics: [] };
  const marks = countMarks(text);
  if (marks > MAX_MARKS) {
    return broken(
      `${name(file)} has about ${marks} values and lines; a configuration may have ${MAX_MARKS}.`,
    );
  }
  return parseCompletely(source, json);
}

/** All of YAML, and words for everything that is wrong. */
export function parseCompletely(source: SourceText, json: boolean): ParsedText {
  const probed = probe(source);
  if (probed !== null) return { source, json, root: null, diagnostics: [probed] };
  return new Parse(source, json).run();
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what makes a file binary
const BINARY = /[\u0000-\u0008\u000e-\u001a\u001c-\u001f\ufffd]/;

function name(file: string): string {
  return file === '' ? 'The configuration' : file;
}

function documentError(source: SourceText, message: string, expected?: string): Diagnostic {
  return {
    code: 'config.unreadable',
    severity: 'error',
    message,
    path: '',
    range: source.range(0, Math.min(source.text.length, source.line(1).length)),
    ...(expected === undefined ? {} : { expected }),
  };
}

function countMarks(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x0a: // line break
      case 0x22: // "
      case 0x27: // '
      case 0x2c: // ,
      case 0x5b: // [
      case 0x7b: // {
        count++;
        break;
      case 0x2d: // -
      case 0x3f: // ?
        if (text.charCodeAt(i + 1) === 0x20) count++;
        break;
    }
  }
  return count;
}

/** A long text whose beginning is broken already is not read to its end: garbage must be answered quickly. */
function probe(source: SourceText): Diagnostic | null {
  const { text } = source;
  if (text.length <= 2 * PROBE) return null;
  const depth = flowDepth(text);
  if (depth >= 0) return tooDeep(source, depth);
  const cut = text.lastIndexOf('\n', PROBE);
  if (cut < 0) return null;
  const head = text.slice(0, cut + 1);
  try {
    const [document] = parseAllDocuments(head, OPTIONS) as Document.Parsed[];
    const first = document?.errors.find((error) => error.pos[0] < PROBE / 2);
    return first === undefined ? null : syntaxError(source, first);
  } catch {
    return documentError(source, `${name(source.file)} cannot be read as YAML.`);
  }
}

/** Offset at which brackets (outside of quotes, roughly) nest deeper than allowed, or -1. */
function flowDepth(text: string): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x5b || c === 0x7b) {
      if (++depth > 10 * MAX_DEPTH) return i;
    } else if ((c === 0x5d || c === 0x7d) && depth > 0) depth--;
  }
  return -1;
}

function tooDeep(source: SourceText, offset: number): Diagnostic {
  return {
    code: 'config.too-deep',
    severity: 'error',
    message: `Maps and lists are nested deeper than ${MAX_DEPTH} levels.`,
    path: '',
    range: source.range(offset, offset + 1),
  };
}

const OPTIONS = {
  schema: 'failsafe',
  uniqueKeys: false,
  prettyErrors: false,
  strict: true,
  merge: false,
  logLevel: 'silent',
} as const;

interface YamlProblem {
  readonly code: string;
  readonly message: string;
  readonly pos: readonly [number, number];
}

function syntaxError(source: SourceText, error: YamlProblem): Diagnostic {
  const [start, end] = error.pos;
  return {
    code: 'config.syntax',
    severity: 'error',
    message: syntaxMessage(source, error),
    path: '',
    range: source.range(start, Math.max(end, start + 1)),
  };
}

/** The parser's texts in our words, where ours help more. */
function syntaxMessage(source: SourceText, error: YamlProblem): string {
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return 'A tab stands where YAML wants blanks.';
    case 'BAD_INDENT':
    case 'MISSING_CHAR':
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
    case 'UNEXPECTED_TOKEN':
    case 'IMPOSSIBLE': {
      const line = source.line(source.position(error.pos[0]).line).trim();
      const glued = /^(?:- )?([A-Za-z_]+):[^\s/]/.exec(line);
      if (glued !== null) return `A blank is missing after “${glued[1]}:”.`;
      return `This is not YAML: ${lowerFirst(error.message)}.`;
    }
    case 'BAD_ALIAS':
      return 'An alias (*name) names no anchor before it. Quote the text if the star is meant: "*".';
    default:
      return `This is not YAML: ${lowerFirst(error.message)}.`;
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, '');
}

class Parse {
  private readonly diagnostics: Diagnostic[] = [];
  private readonly done = new Map<Node, SourceNode>();
  private readonly anchors = new Map<string, Node>();
  private readonly open = new Set<Node>();
  private tooDeepSeen = false;

  constructor(
    private readonly source: SourceText,
    private readonly json: boolean,
  ) {}

  run(): ParsedText {
    const deep = flowDepth(this.source.text);
    if (deep >= 0) return this.result(null, [tooDeep(this.source, deep)]);
    let documents: Document.Parsed[];
    try {
      const parsed = parseAllDocuments(this.source.text, OPTIONS);
      documents = Array.isArray(parsed) ? (parsed as Document.Parsed[]) : [];
    } catch (error) {
      // Nesting by indentation exhausts the parser's stack before anything else goes wrong.
      if (error instanceof RangeError) return this.result(null, [tooDeep(this.source, 0)]);
      throw error;
    }
    const [document, second] = documents;
    if (document === undefined || document.contents === null) {
      return this.result(null, [
        documentError(
          this.source,
          `${name(this.source.file)} is empty.`,
          'an Envoy bootstrap in YAML or JSON',
        ),
      ]);
    }
    const overflow = document.errors.find((error) => /call stack/i.test(error.message));
    if (overflow !== undefined) return this.result(null, [tooDeep(this.source, overflow.pos[0])]);
    if (document.errors.length > 0) {
      const shown = document.errors
        .slice(0, MAX_SYNTAX_ERRORS)
        .map((error) => syntaxError(this.source, error));
      return this.result(null, shown);
    }
    if (second !== undefined) {
      const at = second.range[0];
      this.report(
        'warning',
        'config.second-document',
        at,
        at + 3,
        'Envoy reads only the first YAML document; all from here on is ignored.',
      );
    }
    return this.result(this.node(document.contents, 0), this.diagnostics);
  }

  private result(root: SourceNode | null, diagnostics: readonly Diagnostic[]): ParsedText {
    return { source: this.source, json: this.json, root, diagnostics };
  }

  private report(severity: Severity, code: string, start: number, end: number, message: string): void {
    this.diagnostics.push({ code, severity, message, path: '', range: this.range(start, end) });
  }

  private range(start: number, end: number): SourceRange {
    return this.source.range(start, end);
  }

  private node(node: Node | null | undefined, depth: number): SourceNode {
    if (node === null || node === undefined) return nothing(0);
    if (isAlias(node)) return this.alias(node.source, node.range as [number, number, number], depth);
    const known = this.done.get(node);
    if (known !== undefined) return known;
    const anchor = (node as { anchor?: string }).anchor;
    if (anchor !== undefined) this.anchors.set(anchor, node);
    if (depth > MAX_DEPTH) {
      const at = node.range?.[0] ?? 0;
      if (!this.tooDeepSeen) this.diagnostics.push({ ...tooDeep(this.source, at), severity: 'error' });
      this.tooDeepSeen = true;
      return nothing(at);
    }
    this.open.add(node);
    const made = this.convert(node, depth);
    this.open.delete(node);
    this.done.set(node, made);
    return made;
  }

  private alias(anchor: string, range: readonly number[], depth: number): SourceNode {
    const [start = 0, end = 0] = range;
    const target = this.anchors.get(anchor);
    if (target === undefined || this.open.has(target)) {
      const why = target === undefined ? 'names no anchor before it' : 'stands inside its own anchor';
      this.report('error', 'config.syntax', start, end, `The alias *${anchor} ${why}.`);
      return nothing(start);
    }
    return this.node(target, depth);
  }

  private convert(node: Node, depth: number): SourceNode {
    const [start, end] = this.extent(node);
    if (isMap(node)) return this.map(node, start, end, depth);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.node(item as Node, depth + 1));
      const last = items[items.length - 1];
      const own = node.flow === true || last === undefined;
      const until = own ? end : this.endOfBlock(start, node.items[items.length - 1], last);
      return { kind: 'list', start, end: until, items } satisfies SourceList;
    }
    return isScalar(node) ? this.scalar(node, start, end) : nothing(start);
  }

  private map(
    node: { items: { key: unknown; value: unknown }[]; flow?: boolean },
    start: number,
    end: number,
    depth: number,
  ): SourceMap {
    const entries = new Map<string, SourceEntry>();
    let until = end;
    for (const pair of node.items) {
      const written = this.node(pair.key as Node | null, depth + 1);
      if (written.kind !== 'scalar') {
        this.report('error', 'config.syntax', written.start, written.end, 'A key must be a plain word.');
        continue;
      }
      const key = written.text;
      const value =
        pair.value === null || pair.value === undefined
          ? nothing(written.end)
          : this.node(pair.value as Node, depth + 1);
      if (node.flow !== true) until = this.endOfBlock(start, pair.value, value);
      if (entries.delete(key)) {
        this.report(
          'warning',
          'config.duplicate-key',
          written.start,
          written.end,
          `“${key}” stands twice in this map; the last one counts.`,
        );
      }
      entries.set(key, { key, keyStart: written.start, keyEnd: written.end, value });
    }
    return { kind: 'map', start, end: until, entries: [...entries.values()], flow: node.flow === true };
  }

  /** A block ends with the last thing in it, not with the comments that follow; `made` is what an alias stands for. */
  private endOfBlock(start: number, last: unknown, made: SourceNode): number {
    const end = isAlias(last) ? (last.range?.[1] ?? start) : made.end;
    return this.trimmed(start, end);
  }

  private scalar(
    node: { value: unknown; source?: string; type?: string },
    start: number,
    end: number,
  ): SourceNode {
    const text = typeof node.value === 'string' ? node.value : (node.source ?? '');
    const quoted = node.type !== undefined && node.type !== 'PLAIN';
    if (quoted) return { kind: 'scalar', start, end, value: text, text, quoted };
    if (!this.json) return { kind: 'scalar', start, end, value: yamlScalar(text), text, quoted };
    const value = jsonScalar(text);
    if (value === undefined) {
      this.report(
        'error',
        'config.syntax',
        start,
        end,
        `“${text}” is not JSON: text stands in double quotes.`,
      );
      return nothing(start);
    }
    return { kind: 'scalar', start, end, value, text, quoted } satisfies SourceScalar;
  }

  /** The node's own text, without blanks, comments and line breaks after it. */
  private extent(node: Node): [number, number] {
    const start = node.range?.[0] ?? 0;
    return [start, this.trimmed(start, node.range?.[1] ?? start)];
  }

  private trimmed(start: number, end: number): number {
    let at = end;
    while (at > start && /\s/.test(this.source.text.charAt(at - 1))) at--;
    return at;
  }
}

function nothing(at: number): SourceScalar {
  return { kind: 'scalar', start: at, end: at, value: null, text: '', quoted: false };
}
