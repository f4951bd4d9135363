import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Registry,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { resolveFieldPath } from './method-table.ts';
import type { PathBinding } from './path-template.ts';

type JsonObject = Record<string, JsonValue>;

/** A value for a field, found along its path. */
export interface FieldBinding {
  readonly fields: readonly DescField[];
  readonly value: string;
}

/** Fields of the bindings; those that do not exist come back by name. */
export function resolveBindings(
  message: DescMessage,
  bindings: readonly PathBinding[],
): { readonly known: FieldBinding[]; readonly unknown: string[] } {
  const known: FieldBinding[] = [];
  const unknown: string[] = [];
  for (const { fieldPath, value } of bindings) {
    const fields = resolveFieldPath(message, fieldPath);
    if (fields === null) unknown.push(fieldPath.join('.'));
    else known.push({ fields, value });
  }
  return { known, unknown };
}

export interface RequestOptions {
  /** A value of path or query for a field that the body sets too is an error. */
  readonly rejectCollisions: boolean;
  readonly caseInsensitiveEnums: boolean;
}

/**
 * A request message from the JSON of a body and the values of path and query. Throws an Error that tells what does not
 * fit.
 * @param body Parsed JSON; undefined when there is none.
 * @param bodyField Where the body belongs: `*` = the whole message, empty = nowhere.
 */
export function requestMessage(
  message: DescMessage,
  body: JsonValue | undefined,
  bodyField: string,
  bindings: readonly FieldBinding[],
  registry: Registry,
  options: RequestOptions,
): Uint8Array {
  let root: JsonValue = {};
  if (bodyField === '*') root = body ?? {};
  else if (bodyField !== '') {
    // An empty body still sets its field.
    const object: JsonObject = {};
    put(object, resolveFieldPath(message, bodyField.split('.')) ?? [], body ?? {});
    root = object;
  }
  const parts = [encode(message, root, registry, options)];
  for (const { fields, value } of bindings) {
    const last = fields.at(-1);
    if (last === undefined) continue;
    if (options.rejectCollisions && body !== undefined && isSet(root, fields)) {
      throw new Error(
        `The binding value "${value}" of the field "${last.name}" is conflicting with the value in the body.`,
      );
    }
    const single: JsonObject = {};
    put(single, fields, bindingValue(last, value));
    parts.push(encode(message, single, registry, options));
  }
  // Messages one after the other merge: later values win, repeated fields grow (protobuf encoding, "Last One Wins").
  return Buffer.concat(parts);
}

function encode(
  message: DescMessage,
  json: JsonValue,
  registry: Registry,
  options: RequestOptions,
): Uint8Array {
  if (options.caseInsensitiveEnums) canonicalEnums(message, json);
  return toBinary(message, fromJson(message, json, { registry, ignoreUnknownFields: true }));
}

/** Sets a field deep in an object that has none of it yet. */
function put(root: JsonObject, fields: readonly DescField[], value: JsonValue): void {
  let at = root;
  fields.forEach((field, index) => {
    if (index === fields.length - 1) {
      at[field.jsonName] = field.fieldKind === 'list' && !Array.isArray(value) ? [value] : value;
      return;
    }
    const next: JsonObject = {};
    at[field.jsonName] = next;
    at = next;
  });
}

/** Text of a path or query as the JSON that its field wants: numbers may be strings there, truth may not. */
function bindingValue(field: DescField, text: string): JsonValue {
  const boolean =
    field.scalar === ScalarType.BOOL ||
    (field.fieldKind === 'message' && field.message.typeName === 'google.protobuf.BoolValue');
  if (boolean) {
    if (text === 'true' || text === '1') return true;
    if (text === 'false' || text === '0') return false;
  }
  if (field.enum !== undefined && /^-?\d+$/.test(text)) return Number(text);
  return text;
}

function isSet(root: JsonValue, fields: readonly DescField[]): boolean {
  let at: JsonValue | undefined = root;
  for (const field of fields) {
    if (typeof at !== 'object' || at === null || Array.isArray(at)) return false;
    at = at[field.name] ?? at[field.jsonName];
  }
  return at !== undefined && !Array.isArray(at);
}

/** Names of enum values in the case in which they are declared. */
function canonicalEnums(message: DescMessage, json: JsonValue): void {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return;
  for (const field of message.fields) {
    const key = field.name in json ? field.name : field.jsonName;
    const value = json[key];
    if (value === undefined) continue;
    const values = Array.isArray(value) ? value : [value];
    if (field.enum !== undefined && field.fieldKind !== 'map') {
      const names = field.enum.values.map((each) => each.name);
      const fixed = values.map((each) =>
        typeof each === 'string'
          ? (names.find((name) => name.toLowerCase() === each.toLowerCase().replaceAll('-', '_')) ?? each)
          : each,
      );
      json[key] = Array.isArray(value) ? fixed : (fixed[0] ?? value);
    } else if (field.message !== undefined && field.fieldKind !== 'map') {
      for (const each of values) canonicalEnums(field.message, each);
    }
  }
}
