import type { HeaderList } from '../../base/headers.ts';
import type { StreamInfo } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { compileFormat } from '../../route/formatter/format.ts';
import { HEADER_FORMAT } from '../../route/formatter/operator.ts';
import { type HeaderMutations, mutateHeaders } from '../../route/header-mutation.ts';
import type { GrpcTarget } from '../async-client/grpc.ts';

/** `envoy.config.core.v3.GrpcService`, compiled. */
export interface GrpcServiceTarget {
  readonly cluster: string;
  readonly authority: string;
  /** Milliseconds, 0 = no limit. */
  readonly timeout: number;
  readonly metadata: HeaderMutations;
  readonly skipEnvoyHeaders: boolean;
  readonly maxMessage: number;
}

/** @param timeout Milliseconds when the message names none. */
export function compileGrpcService(
  reader: MessageReader,
  timeout: number,
  ctx: CompileContext,
): GrpcServiceTarget {
  const envoy = reader.message('envoy_grpc');
  const cluster = envoy?.string('cluster_name') ?? '';
  if (envoy === undefined) {
    reader.acknowledge('google_grpc');
    ctx.report(
      'warning',
      'filter.google-grpc',
      reader,
      'google_grpc',
      'The google_grpc client is not emulated: the service counts as unreachable. Use envoy_grpc with a cluster.',
    );
  } else if (!ctx.clusterNames.has(cluster)) {
    ctx.report(
      'warning',
      'filter.unknown-cluster',
      envoy,
      'cluster_name',
      `The cluster '${cluster}' is not defined: every call to the service fails.`,
    );
  }
  return {
    cluster,
    authority: envoy?.string('authority') || cluster,
    timeout: reader.duration('timeout') ?? timeout,
    metadata: compileHeaderValues(reader.messages('initial_metadata'), 'initial metadata', ctx),
    skipEnvoyHeaders: envoy?.bool('skip_envoy_headers') ?? false,
    maxMessage: envoy?.number('max_receive_message_length') ?? 0,
  };
}

/** The target of one call, its metadata formatted for the stream. */
export function grpcTarget(
  target: GrpcServiceTarget,
  service: string,
  method: string,
  info: StreamInfo,
  timeout = target.timeout,
): GrpcTarget {
  const metadata: HeaderList = [];
  mutateHeaders(target.metadata, metadata, info);
  const { cluster, authority, skipEnvoyHeaders, maxMessage } = target;
  return { cluster, authority, service, method, timeout, metadata, skipEnvoyHeaders, maxMessage };
}

/** A list of `envoy.config.core.v3.HeaderValue`: each overwrites what is there. */
export function compileHeaderValues(
  readers: readonly MessageReader[],
  level: string,
  ctx: CompileContext,
): HeaderMutations {
  const adds = readers.map((reader) => {
    const raw = reader.bytes('raw_value');
    const text = reader.string('value') ?? (raw === undefined ? '' : Buffer.from(raw).toString('latin1'));
    return {
      name: (reader.string('key') ?? '').toLowerCase(),
      value: compileFormat(text, HEADER_FORMAT, (message) => {
        ctx.report('error', 'route.format', reader, 'value', message);
      }),
      action: 'OVERWRITE_IF_EXISTS_OR_ADD' as const,
      keepEmpty: false,
      source: reader.range,
    };
  });
  return adds.length === 0 ? [] : [{ level, removes: [], adds }];
}

/** `envoy.config.core.v3.HttpUri`, compiled. */
export interface HttpTarget {
  readonly uri: string;
  /** Host and port of the URI. */
  readonly authority: string;
  /** Path and query, `/` when there is none. */
  readonly path: string;
  readonly cluster: string;
  /** Milliseconds. */
  readonly timeout: number;
}

export function compileHttpUri(reader: MessageReader): HttpTarget {
  const uri = reader.string('uri') ?? '';
  const match = /^(?:[a-z][a-z0-9+.-]*:\/\/)?([^/?#]*)([^#]*)/i.exec(uri);
  const path = match?.[2] ?? '';
  return {
    uri,
    authority: match?.[1] ?? '',
    path: path.startsWith('/') ? path : `/${path}`,
    cluster: reader.string('cluster') ?? '',
    timeout: reader.duration('timeout') ?? 0,
  };
}

/** Header text, one char per byte, as a protobuf string: bytes that are no UTF-8 become `!`. */
export function utf8Text(latin1: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is the same in both.
  if (/^[\x00-\x7f]*$/.test(latin1)) return latin1;
  return Buffer.from(latin1, 'latin1').toString('utf8').replaceAll('�', '!');
}

/** The reverse: a protobuf string as header text. */
export function latin1OfUtf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
