import type { DescMethod } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** `google.api.HttpRule` with its additional bindings spread out: one way to reach a method by HTTP. */
export interface HttpRule {
  /** HTTP method in upper case. */
  readonly method: string;
  /** Path template. */
  readonly path: string;
  /** Field of the request that the body fills; `*` = the whole message, empty = none. */
  readonly body: string;
  readonly responseBody: string;
}

/** Number of the extension `google.api.http` of `google.protobuf.MethodOptions`. */
const HTTP_EXTENSION = 72_295_728;
const METHODS: Readonly<Record<number, string>> = { 2: 'GET', 3: 'PUT', 4: 'POST', 5: 'DELETE', 6: 'PATCH' };

/** The rules that a method is annotated with; null when it is not. */
export function httpRules(method: DescMethod): HttpRule[] | null {
  const unknown = method.proto.options?.$unknown ?? [];
  const annotation = unknown.find((field) => field.no === HTTP_EXTENSION);
  if (annotation === undefined) return null;
  // The bytes of an unknown field carry their length before them.
  return readRule(new BinaryReader(annotation.data).bytes());
}

function readRule(bytes: Uint8Array): HttpRule[] {
  const reader = new BinaryReader(bytes);
  const more: HttpRule[] = [];
  let rule: HttpRule = { method: '', path: '', body: '', responseBody: '' };
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    const verb = METHODS[field];
    if (verb !== undefined) rule = { ...rule, method: verb, path: reader.string() };
    else if (field === 7) rule = { ...rule, body: reader.string() };
    else if (field === 8) rule = { ...rule, ...readCustom(reader.bytes()) };
    else if (field === 11) more.push(...readRule(reader.bytes()));
    else if (field === 12) rule = { ...rule, responseBody: reader.string() };
    else reader.skip(wireType, field);
  }
  return [rule, ...more];
}

/** `CustomHttpPattern`. */
function readCustom(bytes: Uint8Array): { method: string; path: string } {
  const reader = new BinaryReader(bytes);
  const custom = { method: '', path: '' };
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited && field === 1) custom.method = reader.string();
    else if (wireType === WireType.LengthDelimited && field === 2) custom.path = reader.string();
    else reader.skip(wireType, field);
  }
  return custom;
}
