type Struct = Record<string, unknown>;

/** Lays one google.protobuf.Struct over another: lists grow, structs merge, all else is replaced (StructUtil::update). */
export function mergeStructs(base: Readonly<Struct>, over: Readonly<Struct>): Struct {
  const merged: Struct = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    if (Array.isArray(before) && Array.isArray(value)) merged[key] = [...before, ...value];
    else if (isStruct(before) && isStruct(value)) merged[key] = mergeStructs(before, value);
    else merged[key] = value;
  }
  return sortedStruct(merged);
}

export function isStruct(value: unknown): value is Struct {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Keys in order, as Envoy prints a struct. */
export function sortedStruct(struct: Readonly<Struct>): Struct {
  const result: Struct = {};
  for (const key of Object.keys(struct).sort()) {
    const value = struct[key];
    result[key] = isStruct(value) ? sortedStruct(value) : value;
  }
  return result;
}
