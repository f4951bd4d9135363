import { hostname } from 'node:os';
import { SystemRandom } from '../../base/random.ts';
import type { StreamInfo } from '../../base/stream-info.ts';
import { flagName } from './flag-names.ts';
import { grpcStatusNumber, grpcStatusOperator } from './grpc-status.ts';
import {
  type FormatError,
  type FormatValue,
  type MetadataSource,
  type Operator,
  type OperatorDefinition,
  orNull,
  plain,
} from './operator.ts';

const ids = new SystemRandom();
const HOSTNAME = hostname();

/** `ns:a:b` → the value at that place of a namespace; a whole namespace prints as JSON. */
function metadataPath(struct: unknown, keys: readonly string[]): FormatValue {
  let value: unknown = struct;
  for (const key of keys) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    value = (value as Record<string, unknown>)[key];
  }
  return value === undefined ? null : (value as FormatValue);
}

function metadata(source: MetadataSource): OperatorDefinition {
  return {
    args: 'required',
    length: true,
    compile: (args) => fixedMetadata(source, metadataArguments(args)),
  };
}

function fixedMetadata(source: MetadataSource, path: readonly string[]): Operator {
  const [namespace = '', ...keys] = path;
  return (info) => metadataPath(metadataOf(source, info)?.get(namespace), keys);
}

/** Listeners and virtual hosts keep none here. */
function metadataOf(source: MetadataSource, info: StreamInfo): ReadonlyMap<string, unknown> | undefined {
  switch (source) {
    case 'ROUTE':
      return info.routeMetadata;
    case 'CLUSTER':
      return info.clusterMetadata;
    case 'UPSTREAM_HOST':
      return info.hostMetadata;
    case 'LISTENER':
    case 'VIRTUAL_HOST':
      return undefined;
  }
}

/** `ns:key:key`, or the older `["ns", "key", "key"]`. */
function metadataArguments(args: string): readonly string[] {
  if (!args.startsWith('[')) return args.split(':');
  try {
    const list: unknown = JSON.parse(args);
    if (Array.isArray(list) && list.every((item) => typeof item === 'string')) return list;
  } catch {
    // No list after all.
  }
  return args.split(':');
}

function dynamicMetadata(path: readonly string[]): Operator {
  const [namespace = '', ...keys] = path;
  return (info) => metadataPath(info.dynamicMetadata?.get(namespace), keys);
}

const METADATA_SOURCES: readonly string[] = ['ROUTE', 'CLUSTER', 'LISTENER', 'UPSTREAM_HOST', 'VIRTUAL_HOST'];

function anyMetadata(args: string): Operator | FormatError {
  const [source = '', ...path] = args.split(':');
  if (source === 'DYNAMIC') return dynamicMetadata(path);
  if (METADATA_SOURCES.includes(source)) return fixedMetadata(source as MetadataSource, path);
  return { error: `${source} is not supported metadata type` };
}

const ENVIRONMENT: OperatorDefinition = {
  args: 'required',
  length: true,
  compile: (args) => {
    if (args === '') return { error: 'ENVIRONMENT requires parameters' };
    const value = orNull(process.env[args] ?? '');
    return () => value;
  },
};

export const STREAM_OPERATORS: Readonly<Record<string, OperatorDefinition>> = {
  PROTOCOL: plain((info) => (info.downstreamProtocol === 'TCP' ? null : info.downstreamProtocol)),
  UPSTREAM_PROTOCOL: plain((info) => info.upstreamProtocol),
  RESPONSE_CODE: plain((info) => info.responseCode),
  RESPONSE_CODE_DETAILS: plain((info) =>
    info.responseCodeDetails === '' ? null : info.responseCodeDetails.replaceAll(/\s/g, '_'),
  ),
  RESPONSE_FLAGS: plain((info) => flagsText(info)),
  CUSTOM_FLAGS: plain(() => ''),
  RESPONSE_FLAGS_LONG: plain((info) =>
    info.responseFlags.length === 0 ? '-' : info.responseFlags.map(flagName).join(','),
  ),
  BYTES_RECEIVED: plain((info) => info.bytesReceived),
  BYTES_SENT: plain((info) => info.bytesSent),
  UPSTREAM_WIRE_BYTES_SENT: plain((info) => info.upstreamWireBytesSent),
  UPSTREAM_WIRE_BYTES_RECEIVED: plain((info) => info.upstreamWireBytesReceived),
  UPSTREAM_HEADER_BYTES_SENT: plain((info) => info.upstreamHeaderBytesSent),
  UPSTREAM_HEADER_BYTES_RECEIVED: plain((info) => info.upstreamHeaderBytesReceived),
  DOWNSTREAM_WIRE_BYTES_SENT: plain((info) => info.downstreamWireBytesSent),
  DOWNSTREAM_WIRE_BYTES_RECEIVED: plain((info) => info.downstreamWireBytesReceived),
  DOWNSTREAM_HEADER_BYTES_SENT: plain((info) => info.downstreamHeaderBytesSent),
  DOWNSTREAM_HEADER_BYTES_RECEIVED: plain((info) => info.downstreamHeaderBytesReceived),
  UPSTREAM_REQUEST_ATTEMPT_COUNT: plain((info) => info.attempts.length),
  ROUTE_NAME: plain((info) => orNull(info.routeName)),
  VIRTUAL_CLUSTER_NAME: plain((info) => orNull(info.virtualClusterName ?? '')),
  UPSTREAM_CLUSTER: plain((info) => orNull(info.clusterStatName)),
  UPSTREAM_CLUSTER_RAW: plain((info) => (info.clusterStatName === '' ? null : info.clusterName)),
  UPSTREAM_HOST: plain((info) => orNull(info.upstreamHost)),
  UPSTREAM_HOST_NAME: plain((info) => orNull(info.upstreamHostName) ?? orNull(info.upstreamHost)),
  UPSTREAM_HOST_NAME_WITHOUT_PORT: plain((info) =>
    orNull(hostWithoutPort(info.upstreamHostName === '' ? info.upstreamHost : info.upstreamHostName)),
  ),
  UPSTREAM_REMOTE_ADDRESS: plain((info) => orNull(info.upstreamHost)),
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: plain((info) => orNull(hostWithoutPort(info.upstreamHost))),
  UPSTREAM_REMOTE_PORT: plain((info) => portOf(info.upstreamHost)),
  UPSTREAM_CONNECTION_ID: plain((info) => (info.upstreamConnectionId > 0 ? info.upstreamConnectionId : null)),
  UPSTREAM_TRANSPORT_FAILURE_REASON: plain((info) =>
    info.upstreamTransportFailureReason === ''
      ? null
      : info.upstreamTransportFailureReason.replaceAll(/\s/g, '_'),
  ),
  STREAM_ID: plain((info) => orNull(info.requestId)),
  UNIQUE_ID: plain(() => ids.uuid()),
  TRACE_ID: plain(() => null),
  HOSTNAME: plain(() => orNull(HOSTNAME)),
  ENVIRONMENT,
  LOCAL_REPLY_BODY: {
    args: 'none',
    length: false,
    compile: (_args, options) => (options.localReply === true ? (info) => info.localReplyBody : () => ''),
  },
  ACCESS_LOG_TYPE: {
    args: 'none',
    length: false,
    compile: (_args, options) => () => options.accessLogType ?? 'NotSet',
  },
  DYNAMIC_METADATA: {
    args: 'required',
    length: true,
    compile: (args) => dynamicMetadata(metadataArguments(args)),
  },
  CLUSTER_METADATA: metadata('CLUSTER'),
  UPSTREAM_METADATA: metadata('UPSTREAM_HOST'),
  METADATA: { args: 'required', length: true, compile: anyMetadata },
  GRPC_STATUS: grpcStatusOperator,
  GRPC_STATUS_NUMBER: grpcStatusNumber,
};

/** No flags print as `-` even where a missing value prints otherwise. The usual cases without building an array. */
function flagsText(info: StreamInfo): string {
  const flags = info.responseFlags;
  return flags.length === 0 ? '-' : flags.length === 1 ? (flags[0] as string) : flags.join(',');
}

function hostWithoutPort(address: string): string {
  if (address.startsWith('/')) return address;
  const colon = address.lastIndexOf(':');
  const host = colon < 0 ? address : address.slice(0, colon);
  return host.startsWith('[') ? host.slice(1, -1) : host;
}

function portOf(address: string): number | null {
  if (address === '' || address.startsWith('/')) return null;
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  return Number.isInteger(port) ? port : null;
}
