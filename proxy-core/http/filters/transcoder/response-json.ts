import {
  type DescMessage,
  type FileRegistry,
  fromBinary,
  type JsonValue,
  type Registry,
  ScalarType,
  toJson,
} from '@bufbuild/protobuf';
import type { RpcStatus } from './status.ts';

/** `print_options`, compiled. */
export interface PrintOptions {
  readonly whitespace: boolean;
  readonly defaults: boolean;
  readonly enumsAsNumbers: boolean;
  readonly protoNames: boolean;
  /** How the messages of a stream are told apart: as elements of one array, by line ends, as events. */
  readonly stream: 'array' | 'lines' | 'events';
}

/** The JSON of one message. Throws an Error when the bytes are none. */
export function messageJson(
  message: DescMessage,
  bytes: Uint8Array,
  options: PrintOptions,
  registry: Registry,
): string {
  return printed(plainJson(message, bytes, options, registry), options);
}

function plainJson(
  message: DescMessage,
  bytes: Uint8Array,
  options: PrintOptions,
  registry: Registry,
): JsonValue {
  const json = toJson(message, fromBinary(message, bytes), {
    registry,
    alwaysEmitImplicit: options.defaults,
    enumAsInteger: options.enumsAsNumbers,
    useProtoFieldName: options.protoNames,
  });
  shortenFloats(message, json);
  return json;
}

/** A float of 32 bits prints with the digits that tell it from its neighbours, not with those of a double. */
function shortenFloats(message: DescMessage, json: JsonValue): void {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return;
  for (const field of message.fields) {
    const key = field.name in json ? field.name : field.jsonName;
    const value = json[key];
    if (value === undefined) continue;
    if (field.scalar === ScalarType.FLOAT && field.fieldKind !== 'map') {
      json[key] = Array.isArray(value) ? value.map(shortFloat) : shortFloat(value);
    } else if (field.message !== undefined && !field.message.typeName.startsWith('google.protobuf.')) {
      const inner = field.message;
      const values = field.fieldKind === 'map' ? Object.values(value ?? {}) : [value].flat();
      for (const each of values) shortenFloats(inner, each as JsonValue);
    }
  }
}

function shortFloat(value: JsonValue): JsonValue {
  if (typeof value !== 'number') return value;
  for (let digits = 6; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return shorter;
  }
  return value;
}

function printed(json: JsonValue, options: PrintOptions): string {
  const text = options.whitespace ? `${JSON.stringify(json, null, 1)}\n` : JSON.stringify(json);
  // So that the text may stand in HTML, as protobuf's own printer has it.
  return text.replaceAll('<', '\\u003c').replaceAll('>', '\\u003e');
}

/** One message of a stream with what goes before and after it. */
export function streamPiece(json: string, first: boolean, options: PrintOptions): string {
  switch (options.stream) {
    case 'lines':
      return `${json}\n`;
    case 'events':
      return `data: ${json}\n\n`;
    default:
      return (first ? '[' : ',') + json;
  }
}

/** What ends a stream of messages. */
export function streamEnd(empty: boolean, options: PrintOptions): string {
  if (options.stream !== 'array') return '';
  return empty ? '[]' : ']';
}

/** A status as `google.rpc.Status` in JSON; details of types that nobody knows are left out. */
export function statusJson(status: RpcStatus, options: PrintOptions, registry: FileRegistry): string {
  const json: Record<string, JsonValue> = { code: status.code };
  if (status.message !== '' || options.defaults) json['message'] = status.message;
  const details: JsonValue[] = [];
  for (const { typeUrl, value } of status.details) {
    const message = registry.getMessage(typeUrl.slice(typeUrl.lastIndexOf('/') + 1));
    if (message === undefined) continue;
    const detail = plainJson(message, value, options, registry);
    if (typeof detail === 'object' && detail !== null && !Array.isArray(detail)) {
      details.push({ '@type': typeUrl, ...detail });
    } else details.push({ '@type': typeUrl, value: detail });
  }
  if (details.length > 0 || options.defaults) json['details'] = details;
  return printed(json, options);
}
