import type { MessageNode } from './message.ts';
import { MessageReader } from './reader.ts';
import { listedMessages, messageAt, textAt } from './walk.ts';

/** One layer of `layered_runtime`. */
export interface RuntimeLayer {
  readonly name: string;
  /** `admin_layer`: filled by `/runtime_modify`. */
  readonly admin: boolean;
  /** Nested keys are joined by dots. Disk, RTDS and admin layers hold nothing at start. */
  readonly values: ReadonlyMap<string, unknown>;
}

/** The layers of a bootstrap, lowest first. */
export function runtimeLayers(root: MessageNode): readonly RuntimeLayer[] {
  return listedMessages(messageAt(root, 'layered_runtime'), 'layers').map((layer) => {
    const values = new Map<string, unknown>();
    if (layer.fields.has('static_layer')) flatten(new MessageReader(layer).json('static_layer'), '', values);
    return { name: textAt(layer, 'name') ?? '', admin: layer.fields.has('admin_layer'), values };
  });
}

/** What holds in the end: later layers over earlier ones. */
export function runtimeValues(layers: readonly RuntimeLayer[]): ReadonlyMap<string, unknown> {
  return new Map(layers.flatMap((layer) => [...layer.values]));
}

/** The layers after `/runtime_modify`: an empty value takes an override away. Null without an admin layer. */
export function withOverrides(
  layers: readonly RuntimeLayer[],
  overrides: ReadonlyMap<string, string>,
): readonly RuntimeLayer[] | null {
  if (!layers.some((layer) => layer.admin)) return null;
  return layers.map((layer) => {
    if (!layer.admin) return layer;
    const values = new Map(layer.values);
    for (const [key, text] of overrides) {
      if (text === '') values.delete(key);
      else values.set(key, scalar(text));
    }
    return { ...layer, values };
  });
}

/** Numbers and booleans are those, as in Envoy's SnapshotImpl::parseEntryValue. */
function scalar(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  const number = Number(text);
  return text.trim() !== '' && Number.isFinite(number) ? number : text;
}

/** A map with `numerator` or `denominator` is a fraction and stays whole, as in Envoy's runtime. */
function flatten(value: unknown, prefix: string, values: Map<string, unknown>): void {
  const nested =
    value !== null &&
    typeof value === 'object' &&
    !Array.isArray(value) &&
    !('numerator' in value) &&
    !('denominator' in value);
  if (!nested) {
    if (prefix !== '') values.set(prefix, value);
    return;
  }
  for (const [key, member] of Object.entries(value as object)) {
    flatten(member, prefix === '' ? key : `${prefix}.${key}`, values);
  }
}
