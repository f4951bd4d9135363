import type { ConfigNode, MessageNode, ScalarNode } from '../../config/message.ts';
import { envoySchema } from '../../config/schema/schema.ts';
import type { FieldSchema, Schema } from '../../config/schema/types.ts';

/** Fields marked `udpa.annotations.sensitive` in the API: their values never leave the process. */
const SENSITIVE: ReadonlySet<string> = new Set([
  'envoy.config.core.v3.GrpcService.GoogleGrpc.SslCredentials.private_key',
  'envoy.config.grpc_credential.v3.FileBasedMetadataConfig.secret_data',
  'envoy.config.trace.v3.ClientConfig.backend_token',
  'envoy.extensions.filters.http.basic_auth.v3.BasicAuth.users',
  'envoy.extensions.filters.http.basic_auth.v3.BasicAuthPerRoute.users',
  'envoy.extensions.filters.http.ext_authz.v3.CheckSettings.context_extensions',
  'envoy.extensions.filters.network.redis_proxy.v3.RedisProtocolOptions.auth_password',
  'envoy.extensions.filters.network.redis_proxy.v3.RedisProtocolOptions.auth_username',
  'envoy.extensions.filters.network.redis_proxy.v3.RedisProxy.downstream_auth_password',
  'envoy.extensions.filters.network.redis_proxy.v3.RedisProxy.downstream_auth_passwords',
  'envoy.extensions.filters.network.redis_proxy.v3.RedisProxy.downstream_auth_username',
  'envoy.extensions.transport_sockets.tls.v3.GenericSecret.secret',
  'envoy.extensions.transport_sockets.tls.v3.GenericSecret.secrets',
  'envoy.extensions.transport_sockets.tls.v3.PrivateKeyProvider.typed_config',
  'envoy.extensions.transport_sockets.tls.v3.TlsCertificate.password',
  'envoy.extensions.transport_sockets.tls.v3.TlsCertificate.pkcs12',
  'envoy.extensions.transport_sockets.tls.v3.TlsCertificate.private_key',
  'envoy.extensions.transport_sockets.tls.v3.TlsSessionTicketKeys.keys',
]);

const REDACTED = '[redacted]';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * A configuration message as proto JSON with the proto's field names: plain scalars that equal their default are
 * left out, an Any gets its `@type`, sensitive values read `[redacted]` (as `MessageUtil::redact` leaves them).
 */
export function messageJson(node: MessageNode, schema: Schema = envoySchema()): Record<string, Json> {
  return message(node, schema, false);
}

/** The same, as the content of a `google.protobuf.Any`. */
export function anyJson(node: MessageNode, schema: Schema = envoySchema()): Record<string, Json> {
  return { '@type': `type.googleapis.com/${node.type}`, ...withoutType(message(node, schema, false)) };
}

function withoutType(json: Record<string, Json>): Record<string, Json> {
  const { '@type': _type, ...rest } = json;
  return rest;
}

function message(node: MessageNode, schema: Schema, redact: boolean): Record<string, Json> {
  const result: Record<string, Json> = {};
  if (node.fromAny) result['@type'] = `type.googleapis.com/${node.type}`;
  const type = schema.message(node.type);
  for (const [name, field] of node.fields) {
    const fieldSchema = type?.byKey.get(name);
    const hide = redact || SENSITIVE.has(`${node.type}.${name}`);
    const value = json(field.value, fieldSchema, schema, hide);
    if (value !== undefined) result[name] = value;
  }
  return result;
}

function json(
  node: ConfigNode,
  field: FieldSchema | undefined,
  schema: Schema,
  redact: boolean,
): Json | undefined {
  switch (node.kind) {
    case 'message':
      return message(node, schema, redact);
    case 'list': {
      const items = node.items.map((item) => json(item, undefined, schema, redact) ?? null);
      return items.length === 0 ? undefined : items;
    }
    case 'map': {
      const result: Record<string, Json> = {};
      for (const [key, entry] of node.entries) {
        result[key] = json(entry.value, undefined, schema, redact) ?? null;
      }
      return result;
    }
    case 'scalar':
      if (redact) return redactedScalar(node);
      return isImplicitDefault(node, field) ? undefined : scalar(node, field);
  }
}

/** Strings and bytes read `[redacted]`, everything else is left out. */
function redactedScalar(node: ScalarNode): Json | undefined {
  switch (node.scalar) {
    case 'string':
      return REDACTED;
    case 'bytes':
      return Buffer.from(REDACTED).toString('base64');
    default:
      return undefined;
  }
}

/** A proto3 scalar without presence is not on the wire when it equals its default. */
function isImplicitDefault(node: ScalarNode, field: FieldSchema | undefined): boolean {
  if (field === undefined || field.hasPresence || field.cardinality !== 'single') return false;
  const { value } = node;
  if (node.scalar === 'enum') {
    return field.type.kind === 'enum' && field.type.enumeration.byNumber.get(0)?.name === value;
  }
  if (node.scalar === 'bytes') return (value as Uint8Array).length === 0;
  return value === '' || value === 0 || value === 0n || value === false;
}

function scalar(node: ScalarNode, field: FieldSchema | undefined): Json {
  const { value } = node;
  switch (node.scalar) {
    case 'duration':
      return durationText(value as number);
    case 'timestamp':
      return new Date(value as number).toISOString();
    case 'bytes':
      return Buffer.from(value as Uint8Array).toString('base64');
    case 'number':
      return numberJson(value as number | bigint, field);
    case 'string':
    case 'enum':
      return value as string;
    case 'bool':
      return value as boolean;
    case 'json':
      return value as Json;
  }
}

/** Proto JSON writes 64-bit integers as strings. */
function numberJson(value: number | bigint, field: FieldSchema | undefined): Json {
  if (typeof value === 'bigint') return value.toString();
  const kind = field?.type.kind === 'scalar' ? field.type.scalar : null;
  if (kind === 'int64' || kind === 'uint64') return String(value);
  return Number.isFinite(value) ? value : String(value);
}

/** Seconds with 0, 3, 6 or 9 digits: `1s`, `0.250s`. */
export function durationText(milliseconds: number): string {
  const nanos = Math.round(Math.abs(milliseconds) * 1e6);
  const seconds = Math.floor(nanos / 1e9);
  const rest = (nanos % 1e9).toString().padStart(9, '0');
  const digits = rest.endsWith('000000') ? 3 : rest.endsWith('000') ? 6 : 9;
  const fraction = Number(rest) === 0 ? '' : `.${rest.slice(0, digits)}`;
  return `${milliseconds < 0 ? '-' : ''}${seconds}${fraction}s`;
}
