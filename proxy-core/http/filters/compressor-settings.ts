import type { Counter, Stats } from '../../base/stats.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { type CompressionLibrary, compileCompressorLibrary } from './compression-library.ts';
import { compileRuntimeFlag, type RuntimeFlag } from './runtime-flag.ts';

/** Compressible types when none are configured, and what the documentation lists. */
const CONTENT_TYPES =
  'text/html text/plain text/css application/javascript application/x-javascript text/javascript text/x-javascript text/ecmascript text/js text/jscript text/x-js application/ecmascript application/x-json application/xml application/json image/svg+xml text/xml application/xhtml+xml application/grpc-web application/grpc-web+proto';
const DEFAULT_CONTENT_TYPES: ReadonlySet<string> = new Set(CONTENT_TYPES.split(' '));

export interface DirectionStats {
  readonly compressed: Counter;
  readonly notCompressed: Counter;
  readonly uncompressedBytes: Counter;
  readonly compressedBytes: Counter;
  readonly tooSmall: Counter;
}

/** `CommonDirectionConfig`, compiled. */
export interface Direction {
  readonly enabled: RuntimeFlag;
  readonly minLength: number;
  /** In lower case. */
  readonly contentTypes: ReadonlySet<string>;
  readonly stats: DirectionStats;
}

export interface CompressorSettings {
  readonly library: CompressionLibrary;
  /** Null: requests are not compressed. */
  readonly request: Direction | null;
  readonly requestStats: DirectionStats;
  readonly response: Direction;
  readonly disableOnEtag: boolean;
  readonly removeAcceptEncoding: boolean;
  readonly chooseFirst: boolean;
  readonly stats: ReturnType<typeof responseStats>;
}

/** `CompressorPerRoute`, compiled; undefined = as the filter says. */
export interface RouteSettings {
  readonly enabled: boolean | undefined;
  readonly removeAcceptEncoding: boolean | undefined;
}

function directionStats(stats: Stats, prefix: string): DirectionStats {
  return {
    compressed: stats.counter(`${prefix}compressed`),
    notCompressed: stats.counter(`${prefix}not_compressed`),
    uncompressedBytes: stats.counter(`${prefix}total_uncompressed_bytes`),
    compressedBytes: stats.counter(`${prefix}total_compressed_bytes`),
    tooSmall: stats.counter(`${prefix}content_length_too_small`),
  };
}

function responseStats(stats: Stats, prefix: string) {
  return {
    noAcceptHeader: stats.counter(`${prefix}no_accept_header`),
    identity: stats.counter(`${prefix}header_identity`),
    used: stats.counter(`${prefix}header_compressor_used`),
    overshadowed: stats.counter(`${prefix}header_compressor_overshadowed`),
    wildcard: stats.counter(`${prefix}header_wildcard`),
    notValid: stats.counter(`${prefix}header_not_valid`),
    etag: stats.counter(`${prefix}not_compressed_etag`),
  };
}

function compileDirection(
  enabled: MessageReader | undefined,
  minLength: number | undefined,
  types: readonly string[],
  stats: DirectionStats,
): Direction {
  return {
    enabled: compileRuntimeFlag(enabled),
    minLength: minLength || 30,
    contentTypes:
      types.length === 0 ? DEFAULT_CONTENT_TYPES : new Set(types.map((type) => type.toLowerCase())),
    stats,
  };
}

export function compileCompressor(
  reader: MessageReader,
  ctx: CompileContext,
  stats: Stats,
  statPrefix: string,
): CompressorSettings | null {
  const library = compileCompressorLibrary(reader, ctx);
  const common = (direction: MessageReader, own: DirectionStats): Direction => {
    const config = direction.message('common_config');
    return compileDirection(
      config?.message('enabled'),
      config?.number('min_content_length'),
      config?.strings('content_type') ?? [],
      own,
    );
  };
  const prefix = `${statPrefix}compressor.${library?.name ?? ''}.${library?.statPrefix ?? ''}`;
  const request = reader.message('request_direction_config');
  const response = reader.message('response_direction_config');
  const requestStats = directionStats(stats, `${prefix}request.`);
  const own = directionStats(stats, response === undefined ? prefix : `${prefix}response.`);
  // The deprecated fields count only while the new message is absent.
  const legacy = response ?? reader;
  const settings = {
    request: request === undefined ? null : common(request, requestStats),
    requestStats,
    response:
      response === undefined
        ? compileDirection(
            reader.message('runtime_enabled'),
            reader.number('content_length'),
            reader.strings('content_type'),
            own,
          )
        : common(response, own),
    disableOnEtag: legacy.bool('disable_on_etag_header') ?? false,
    removeAcceptEncoding: legacy.bool('remove_accept_encoding_header') ?? false,
    chooseFirst: reader.bool('choose_first') ?? false,
    stats: responseStats(stats, prefix),
  };
  return library === null || library.create === null ? null : { library, ...settings };
}

/** `CompressorPerRoute`. */
export function compileCompressorRoute(config: MessageReader): RouteSettings {
  if (config.bool('disabled') === true) return { enabled: false, removeAcceptEncoding: undefined };
  const response = config.message('overrides')?.message('response_direction_config');
  return {
    enabled: response === undefined ? undefined : true,
    removeAcceptEncoding: response?.bool('remove_accept_encoding_header'),
  };
}
