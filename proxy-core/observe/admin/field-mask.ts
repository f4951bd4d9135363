import type { Schema } from '../../config/schema/types.ts';

type Tree = Map<string, Tree>;

/** `a.b,c` as a tree of field names. */
export function parseFieldMask(text: string): Tree {
  const root: Tree = new Map();
  for (const path of text.split(',')) {
    let at = root;
    for (const field of path.split('.')) {
      let next = at.get(field);
      if (next === undefined) {
        next = new Map();
        at.set(field, next);
      }
      at = next;
    }
  }
  return root;
}

/** Whether every path of a mask names fields of the message (`FieldMaskUtil::IsValidFieldMask`). */
export function maskFits(mask: Tree, typeName: string, schema: Schema): boolean {
  const type = schema.message(typeName);
  if (type === undefined) return false;
  for (const [name, rest] of mask) {
    const field = type.byKey.get(name);
    if (field === undefined) return false;
    if (rest.size === 0) continue;
    if (field.cardinality !== 'single' || field.type.kind !== 'message') return false;
    // Below an Any anything goes: what is packed into it is only known when it is looked at.
    if (field.type.typeName !== 'google.protobuf.Any' && !maskFits(rest, field.type.typeName, schema))
      return false;
  }
  return true;
}

/** Keeps what the mask names; `@type` always stays. */
export function applyMask(value: unknown, mask: Tree): unknown {
  if (mask.size === 0 || typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    if (name === '@type') result[name] = inner;
    const rest = mask.get(name);
    if (rest !== undefined) result[name] = applyMask(inner, rest);
  }
  return result;
}
