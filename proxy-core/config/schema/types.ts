import type { FieldRules } from './rules.ts';

/** The Envoy API as the loader sees it: what a descriptor says, without the descriptor. */
export type ScalarKind =
  | 'string'
  | 'bytes'
  | 'bool'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'double'
  | 'float';

export interface EnumSchema {
  readonly typeName: string;
  /** Value names in the order of the proto. */
  readonly names: readonly string[];
  readonly byNumber: ReadonlyMap<number, EnumValueSchema>;
  /** By name in lower case: Envoy reads enum names in any case. */
  readonly byLowerName: ReadonlyMap<string, EnumValueSchema>;
}

export interface EnumValueSchema {
  readonly name: string;
  readonly number: number;
  readonly deprecated: boolean;
  /** Envoy refuses the value unless a runtime switch allows it. */
  readonly disallowed: boolean;
}

export type FieldType =
  | { readonly kind: 'scalar'; readonly scalar: ScalarKind }
  | { readonly kind: 'enum'; readonly enumeration: EnumSchema }
  | { readonly kind: 'message'; readonly typeName: string };

export interface FieldSchema {
  /** snake_case, as the proto has it. */
  readonly name: string;
  readonly jsonName: string;
  readonly fullName: string;
  readonly cardinality: 'single' | 'list' | 'map';
  readonly type: FieldType;
  /** Name of the oneof the field is a member of. */
  readonly oneof: string | null;
  /** False for a plain proto3 scalar, which is its default when it is not set. */
  readonly hasPresence: boolean;
  readonly rules: FieldRules | null;
  readonly deprecated: boolean;
  readonly disallowed: boolean;
}

export interface OneofSchema {
  readonly name: string;
  readonly required: boolean;
  readonly fields: readonly string[];
}

export interface MessageSchema {
  readonly typeName: string;
  readonly fields: readonly FieldSchema[];
  /** By proto name and by JSON name. */
  readonly byKey: ReadonlyMap<string, FieldSchema>;
  readonly oneofs: readonly OneofSchema[];
}

export interface Schema {
  message(typeName: string): MessageSchema | undefined;
  /** Reads what these types need in one go, which is faster than one after the other. */
  prepare(typeNames: Iterable<string>): void;
  has(typeName: string): boolean;
  /** The v3 name of a v2 message. */
  successor(oldTypeName: string): string | undefined;
  messageNames(): readonly string[];
}
