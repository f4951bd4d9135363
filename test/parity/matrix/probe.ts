/**
 * Finds out which fields compilation reads, by setting each one in a configuration and looking whether it was
 * read. Nothing here knows what is emulated: it follows the schema wherever compilation goes.
 */
import { BOOTSTRAP, loadConfig } from '../../../proxy-core/config/load.ts';
import type { ConfigNode, MessageNode } from '../../../proxy-core/config/message.ts';
import { envoySchema } from '../../../proxy-core/config/schema/schema.ts';
import type { FieldSchema, MessageSchema } from '../../../proxy-core/config/schema/types.ts';
import { compileBootstrap } from '../../../proxy-core/core/compile.ts';
import { StatsStore } from '../../../proxy-core/observe/index.ts';
import { CIRCUMSTANCES, candidates, EVERYWHERE } from './extensions.ts';
import { type Json, type JsonMap, sample, seedOf } from './samples.ts';

export type Status = 'emulated' | 'notice';

export interface FieldReport {
  readonly name: string;
  readonly deprecated: boolean;
  status: Status;
  /** Enum values that are accepted with a notice although the field is read. */
  valuesWithNotice: string[];
}

export interface MessageReport {
  readonly type: string;
  readonly fields: Map<string, FieldReport>;
}

type Place = readonly (string | number)[];

interface Visit {
  readonly type: string;
  readonly place: Place;
  /** A bootstrap in which the message stands at the place. */
  readonly document: JsonMap;
}

/** Every message that compilation reaches from a bootstrap, in order of discovery. */
export function probe(base: JsonMap): MessageReport[] {
  const schema = envoySchema();
  const reports = new Map<string, MessageReport>();
  const visited = new Set<string>();
  const queue: Visit[] = [{ type: BOOTSTRAP, place: [], document: base }];
  for (let visit = queue.shift(); visit !== undefined; visit = queue.shift()) {
    const message = schema.message(visit.type);
    if (message === undefined) continue;
    const report = reports.get(visit.type) ?? { type: visit.type, fields: new Map<string, FieldReport>() };
    reports.set(visit.type, report);
    for (const field of message.fields) {
      for (const child of probeField(visit, message, field, report)) {
        const key =
          EVERYWHERE.has(child.type) || isAny(field) ? `${child.type} ${field.fullName}` : child.type;
        if (visited.has(key)) continue;
        visited.add(key);
        queue.push(child);
      }
    }
  }
  return [...reports.values()];
}

/** Sets one field in every way it can be set; gives the messages below it that compilation looked into. */
function probeField(
  visit: Visit,
  message: MessageSchema,
  field: FieldSchema,
  report: MessageReport,
): Visit[] {
  const entry = report.fields.get(field.name) ?? {
    name: field.name,
    deprecated: field.deprecated,
    status: 'notice' as Status,
    valuesWithNotice: [],
  };
  report.fields.set(field.name, entry);
  const children: Visit[] = [];
  const single = field.cardinality === 'single';
  const inner: Place = single ? [field.name] : [field.name, field.cardinality === 'list' ? 0 : 'key'];
  const wrap = (value: Json): Json =>
    single ? value : field.cardinality === 'list' ? [value] : { key: value };
  for (const value of waysToSet(field, visit.place)) {
    for (const circumstance of [{}, ...(CIRCUMSTANCES[visit.type] ?? [])]) {
      const document = structuredClone(visit.document);
      const target = at(document, visit.place);
      if (target === null) continue;
      Object.assign(target, circumstance);
      for (const other of message.fields) {
        if (field.oneof !== null && other.oneof === field.oneof && other !== field) delete target[other.name];
      }
      target[field.name] = wrap(value);
      const outcome = compileAt(document, [...visit.place, field.name]);
      if (!outcome.read) continue;
      if (outcome.notice) {
        const words = entry.valuesWithNotice;
        if (field.type.kind === 'enum' && single && !words.includes(String(value))) words.push(String(value));
        continue;
      }
      entry.status = 'emulated';
      const type = typeOf(field, value);
      if (type !== null) children.push({ type, place: [...visit.place, ...inner], document });
      break;
    }
  }
  return children;
}

function waysToSet(field: FieldSchema, place: Place): Json[] {
  if (field.type.kind === 'enum' && field.cardinality === 'single') return [...field.type.enumeration.names];
  if (isAny(field)) {
    const parent = place.findLast((part) => typeof part === 'string');
    return candidates(field, String(parent ?? '')).map((type) => ({
      '@type': `type.googleapis.com/${type}`,
      ...(seedOf(type) as JsonMap),
    }));
  }
  return [sample(field)];
}

/** An extension may stand in several such fields, and only some of them are where it is read. */
function isAny(field: FieldSchema): boolean {
  return field.type.kind === 'message' && field.type.typeName === 'google.protobuf.Any';
}

/** The message type to look into, or null for what has no fields of its own to the loader. */
function typeOf(field: FieldSchema, value: Json): string | null {
  if (field.type.kind !== 'message') return null;
  const { typeName } = field.type;
  if (typeName === 'google.protobuf.Any') {
    return String((value as JsonMap)['@type']).replace('type.googleapis.com/', '');
  }
  return typeName.startsWith('google.protobuf.') ? null : typeName;
}

function at(document: Json, place: Place): JsonMap | null {
  let node: Json | undefined = document;
  for (const part of place) {
    if (node === null || node === undefined || typeof node !== 'object') return null;
    node = Array.isArray(node) ? node[Number(part)] : node[String(part)];
  }
  return node !== null && typeof node === 'object' && !Array.isArray(node) ? node : null;
}

function compileAt(document: JsonMap, place: Place): { read: boolean; notice: boolean } {
  const loaded = loadConfig({ file: 'matrix.yaml', text: JSON.stringify(document) });
  if (loaded.root === null) return { read: false, notice: false };
  const { diagnostics } = compileBootstrap(loaded, {
    serving: false,
    stats: new StatsStore(),
    logFiles: null,
  });
  const path = place.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );
  const notice = diagnostics.some((one) => one.severity === 'notice' && one.path === path);
  return { read: isRead(loaded.root, place), notice };
}

function isRead(root: MessageNode, place: Place): boolean {
  let node: ConfigNode | undefined = root;
  let read = false;
  for (const part of place) {
    if (node?.kind === 'list') node = node.items[Number(part)];
    else if (node?.kind === 'message' || node?.kind === 'map') {
      const entries: ReadonlyMap<string, { value: ConfigNode; read: boolean }> =
        node.kind === 'message' ? node.fields : node.entries;
      const field = entries.get(String(part));
      if (field === undefined) return false;
      read = field.read;
      node = field.value;
    } else return false;
  }
  return read;
}
