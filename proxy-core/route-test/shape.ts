import type { Diagnostic, SourceRange } from '../config/diagnostic.ts';
import { nearestName } from '../config/nearest.ts';
import type { SourceMap, SourceNode } from '../config/text/source-node.ts';
import type { SourceText } from '../config/text/source-text.ts';

/** Reads a map of which every key is known beforehand; reports each key of a wrong kind, and each that nobody asked for. */
export class Shape {
  readonly #asked = new Set<string>();

  constructor(
    readonly node: SourceMap,
    readonly path: string,
    readonly source: SourceText,
    readonly diagnostics: Diagnostic[],
  ) {}

  get range(): SourceRange {
    return this.source.range(this.node.start, this.node.end);
  }

  string(key: string): string | undefined {
    const node = this.#value(key);
    if (node === undefined) return undefined;
    if (node.kind === 'scalar') return node.text;
    this.#wrong(key, node, 'a text');
    return undefined;
  }

  /** A text that must be there and hold something. */
  needed(key: string): string {
    const text = this.string(key);
    if (text !== undefined && text !== '') return text;
    this.report(this.#value(key) ?? this.node, key, `${this.#at(key)} is needed.`, 'a text');
    return '';
  }

  bool(key: string): boolean {
    const node = this.#value(key);
    if (node === undefined) return false;
    if (node.kind === 'scalar' && typeof node.value === 'boolean') return node.value;
    this.#wrong(key, node, 'true or false');
    return false;
  }

  whole(key: string): number | undefined {
    const node = this.#value(key);
    if (node === undefined) return undefined;
    if (node.kind === 'scalar' && /^\d+$/.test(node.text)) return Number(node.text);
    this.#wrong(key, node, 'a whole number');
    return undefined;
  }

  map(key: string): Shape | undefined {
    const node = this.#value(key);
    if (node === undefined) return undefined;
    if (node.kind === 'map') return new Shape(node, this.#at(key), this.source, this.diagnostics);
    this.#wrong(key, node, 'a map');
    return undefined;
  }

  maps(key: string): readonly Shape[] {
    const node = this.#value(key);
    if (node === undefined) return [];
    if (node.kind !== 'list') {
      this.#wrong(key, node, 'a list');
      return [];
    }
    return node.items.flatMap((item, i) => {
      const path = `${this.#at(key)}[${i}]`;
      if (item.kind === 'map') return [new Shape(item, path, this.source, this.diagnostics)];
      this.report(item, key, `${path} is ${kindText(item)}.`, 'a map');
      return [];
    });
  }

  /** A value of any form, as JSON would give it. */
  json(key: string): unknown {
    const node = this.#value(key);
    return node === undefined ? undefined : jsonOf(node);
  }

  /** Reports the keys that nobody asked for. Called when all is read. */
  close(): void {
    for (const { key, keyStart, keyEnd } of this.node.entries) {
      if (this.#asked.has(key)) continue;
      const suggestion = nearestName(key, this.#asked);
      this.diagnostics.push({
        code: 'route-test.unknown-field',
        severity: 'error',
        message: `There is no field ${key} here.${suggestion === undefined ? '' : ` Did you mean ${suggestion}?`}`,
        path: this.#at(key),
        range: this.source.range(keyStart, keyEnd),
        ...(suggestion === undefined ? {} : { suggestion }),
      });
    }
  }

  report(node: SourceNode, key: string, message: string, expected: string): void {
    this.diagnostics.push({
      code: 'route-test.wrong-value',
      severity: 'error',
      message,
      path: this.#at(key),
      range: this.source.range(node.start, node.end),
      expected,
    });
  }

  #value(key: string): SourceNode | undefined {
    this.#asked.add(key);
    const found = this.node.entries.find((entry) => entry.key === key)?.value;
    return found?.kind === 'scalar' && found.value === null && !found.quoted ? undefined : found;
  }

  #wrong(key: string, node: SourceNode, expected: string): void {
    this.report(node, key, `${this.#at(key)} is ${kindText(node)}.`, expected);
  }

  #at(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`;
  }
}

function kindText(node: SourceNode): string {
  switch (node.kind) {
    case 'map':
      return 'a map';
    case 'list':
      return 'a list';
    case 'scalar':
      return `“${node.text}”`;
  }
}

function jsonOf(node: SourceNode): unknown {
  switch (node.kind) {
    case 'map':
      return Object.fromEntries(node.entries.map(({ key, value }) => [key, jsonOf(value)]));
    case 'list':
      return node.items.map(jsonOf);
    case 'scalar':
      return node.value;
  }
}
