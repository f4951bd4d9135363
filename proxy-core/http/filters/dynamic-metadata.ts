import type { StreamInfo } from '../../base/stream-info.ts';

type Struct = Record<string, unknown>;

/** Sets fields of one namespace; others stay (Envoy: StreamInfo::setDynamicMetadata). */
export function setDynamicMetadata(info: StreamInfo, namespace: string, values: Readonly<Struct>): void {
  info.dynamicMetadata ??= new Map();
  info.dynamicMetadata.set(namespace, sorted({ ...info.dynamicMetadata.get(namespace), ...values }));
}

/** Lays one struct over another: lists grow, structs merge, all else is replaced (Envoy: StructUtil::update). */
export function mergeStructs(base: Readonly<Struct>, over: Readonly<Struct>): Struct {
  const merged: Struct = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    if (Array.isArray(before) && Array.isArray(value)) merged[key] = [...before, ...value];
    else if (isStruct(before) && isStruct(value)) merged[key] = mergeStructs(before, value);
    else merged[key] = value;
  }
  return sorted(merged);
}

function isStruct(value: unknown): value is Struct {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Keys in order, as Envoy prints a struct. */
function sorted(struct: Readonly<Struct>): Struct {
  const result: Struct = {};
  for (const key of Object.keys(struct).sort()) {
    const value = struct[key];
    result[key] = isStruct(value) ? sorted(value) : value;
  }
  return result;
}
