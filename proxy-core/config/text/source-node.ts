/**
 * YAML or JSON as a plain tree with offsets: aliases followed (the same node then stands in several places),
 * duplicate keys settled, scalars given the meaning that Envoy's reader gives them.
 */
export type SourceNode = SourceMap | SourceList | SourceScalar;

export interface SourceMap {
  readonly kind: 'map';
  readonly start: number;
  readonly end: number;
  /** One entry per key, in the order of the file. */
  readonly entries: readonly SourceEntry[];
  /** `{…}` rather than indented lines. */
  readonly flow: boolean;
}

export interface SourceEntry {
  readonly key: string;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly value: SourceNode;
}

export interface SourceList {
  readonly kind: 'list';
  readonly start: number;
  readonly end: number;
  readonly items: readonly SourceNode[];
}

export interface SourceScalar {
  readonly kind: 'scalar';
  readonly start: number;
  readonly end: number;
  readonly value: string | number | boolean | null;
  /** As written, without quotes. */
  readonly text: string;
  readonly quoted: boolean;
}
