import type { SourceRange } from './diagnostic.ts';

/**
 * A parsed configuration: protobuf messages as the loader read them, every node with its place in the file.
 * Wrappers (`UInt32Value`) are their scalar; a Duration or Timestamp is a `duration`/`timestamp` scalar in
 * milliseconds; an Any is the message it holds, with `type` its full name; Struct, Value and ListValue are `json`.
 */
export type ConfigNode = MessageNode | ListNode | MapNode | ScalarNode;

export interface MessageNode {
  readonly kind: 'message';
  /** Full protobuf name: `envoy.config.cluster.v3.Cluster`. */
  readonly type: string;
  readonly range: SourceRange;
  readonly path: string;
  /** By proto field name (snake_case), only fields that the user set (null means not set). */
  readonly fields: ReadonlyMap<string, FieldNode>;
  /** True when it stood in a google.protobuf.Any. */
  readonly fromAny: boolean;
}

export interface FieldNode {
  /** As the user wrote it (`connectTimeout`). */
  readonly key: string;
  readonly keyRange: SourceRange;
  readonly path: string;
  readonly value: ConfigNode;
  /** Set by the reader: compilation looked at it. */
  read: boolean;
}

export interface ListNode {
  readonly kind: 'list';
  readonly range: SourceRange;
  readonly items: readonly ConfigNode[];
}

export interface MapNode {
  readonly kind: 'map';
  readonly range: SourceRange;
  readonly entries: ReadonlyMap<string, FieldNode>;
}

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly scalar: 'string' | 'bytes' | 'number' | 'bool' | 'enum' | 'duration' | 'timestamp' | 'json';
  readonly range: SourceRange;
  /** string, Uint8Array, number (bigint beyond 2^53), boolean, enum value name, milliseconds (with fraction), or a JSON value. */
  readonly value: unknown;
}
