import { type HeaderList, headerValue, removeHeader, setHeader } from '../../base/headers.ts';
import type { Counter, Stats } from '../../base/stats.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { BodyStatus, FilterCallbacks, HeadStatus, HttpFilter, TrailersStatus } from '../filter.ts';
import { BodyTransform, passThrough } from './body-transform.ts';
import { type CompressionLibrary, compileDecompressorLibrary } from './compression-library.ts';
import type { HttpFilterExtension } from './extension.ts';
import { beforeSeparator, hasToken } from './header-tokens.ts';
import { compileRuntimeFlag, flagEnabled, type RuntimeFlag } from './runtime-flag.ts';

interface DirectionStats {
  readonly decompressed: Counter;
  readonly notDecompressed: Counter;
  readonly uncompressedBytes: Counter;
  readonly compressedBytes: Counter;
}

/** `CommonDirectionConfig`, compiled. */
interface Direction {
  readonly enabled: RuntimeFlag;
  readonly ignoreNoTransform: boolean;
  readonly stats: DirectionStats;
}

interface DecompressorSettings {
  readonly library: CompressionLibrary;
  readonly request: Direction;
  readonly response: Direction;
  readonly advertise: boolean;
  /** By zlib's code; the first also takes what has no code of its own. */
  readonly errors: ReadonlyMap<string, Counter>;
}

function compileDirection(direction: MessageReader | undefined, stats: Stats, prefix: string): Direction {
  const common = direction?.message('common_config');
  return {
    enabled: compileRuntimeFlag(common?.message('enabled')),
    ignoreNoTransform: common?.bool('ignore_no_transform_header') ?? false,
    stats: {
      decompressed: stats.counter(`${prefix}decompressed`),
      notDecompressed: stats.counter(`${prefix}not_decompressed`),
      uncompressedBytes: stats.counter(`${prefix}total_uncompressed_bytes`),
      compressedBytes: stats.counter(`${prefix}total_compressed_bytes`),
    },
  };
}

/** `gzip` in front of what is there already, named once. */
function withEncoding(accept: string | undefined, encoding: string): string {
  const others = (accept ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '' && beforeSeparator(each, ';').toLowerCase() !== encoding);
  return [...others, encoding].join(',');
}

/** Takes the outermost encoding off `content-encoding`; false when it is another one. */
function takeEncoding(headers: HeaderList, encoding: string): boolean {
  const value = headerValue(headers, 'content-encoding');
  if (value === undefined || beforeSeparator(value, ',').toLowerCase() !== encoding) return false;
  const comma = value.indexOf(',');
  if (comma < 0) removeHeader(headers, 'content-encoding');
  else setHeader(headers, 'content-encoding', value.slice(comma + 1).trim());
  return true;
}

/** Names of the libraries' own statistics; the first counts bad data. */
const LIBRARY_STATS: Readonly<Record<CompressionLibrary['encoding'], readonly string[]>> = {
  gzip: [
    'zlib_data_error',
    'zlib_buf_error',
    'zlib_errno',
    'zlib_mem_error',
    'zlib_stream_error',
    'zlib_version_error',
  ],
  br: ['brotli_error', 'brotli_output_overflow', 'brotli_redundant_input'],
  zstd: ['zstd_generic_error', 'zstd_dictionary_error', 'zstd_checksum_wrong_error', 'zstd_memory_error'],
};

/** `Z_DATA_ERROR` → `zlib_data_error`. */
function errorCounters(stats: Stats, library: CompressionLibrary, prefix: string): Map<string, Counter> {
  return new Map(
    LIBRARY_STATS[library.encoding].map((name) => [
      name.replace(/^zlib/, 'z').toUpperCase(),
      stats.counter(prefix + name),
    ]),
  );
}

class DecompressorFilter implements HttpFilter {
  private request: BodyTransform | null = null;
  private response: BodyTransform | null = null;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly settings: DecompressorSettings,
  ) {}

  decodeHead(head: RequestHead, endStream: boolean): HeadStatus {
    const { settings, callbacks } = this;
    const { headers } = head;
    if (settings.advertise && flagEnabled(settings.response.enabled, callbacks.runtime)) {
      const accept = withEncoding(headerValue(headers, 'accept-encoding'), settings.library.encoding);
      setHeader(headers, 'accept-encoding', accept);
    }
    if (!endStream && this.applies(settings.request, headers)) {
      this.request = this.transform(settings.request, {
        inject: callbacks.injectRequest,
        injectTrailers: callbacks.injectRequestTrailers,
        pause: callbacks.pauseRequest,
      });
    }
    return 'continue';
  }

  decodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    return passThrough(
      this.request,
      bytes,
      start,
      end,
      endStream,
      this.settings.request.stats.compressedBytes,
    );
  }

  decodeTrailers(trailers: HeaderList): TrailersStatus {
    if (this.request === null) return 'continue';
    this.request.writeTrailers(trailers);
    return 'drop';
  }

  encodeHead(head: ResponseHead, endStream: boolean): HeadStatus {
    const { settings, callbacks } = this;
    if (!endStream && this.applies(settings.response, head.headers)) {
      this.response = this.transform(settings.response, {
        inject: callbacks.injectResponse,
        injectTrailers: callbacks.injectResponseTrailers,
        pause: callbacks.pauseResponse,
      });
    }
    return 'continue';
  }

  encodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    return passThrough(
      this.response,
      bytes,
      start,
      end,
      endStream,
      this.settings.response.stats.compressedBytes,
    );
  }

  encodeTrailers(trailers: HeaderList): TrailersStatus {
    if (this.response === null) return 'continue';
    this.response.writeTrailers(trailers);
    return 'drop';
  }

  private applies(direction: Direction, headers: HeaderList): boolean {
    const applies =
      flagEnabled(direction.enabled, this.callbacks.runtime) &&
      (direction.ignoreNoTransform || !hasToken(headerValue(headers, 'cache-control'), 'no-transform')) &&
      takeEncoding(headers, this.settings.library.encoding);
    if (applies) removeHeader(headers, 'content-length');
    (applies ? direction.stats.decompressed : direction.stats.notDecompressed).inc();
    return applies;
  }

  private transform(
    direction: Direction,
    to: {
      inject(bytes: Uint8Array, endStream: boolean): void;
      injectTrailers(trailers: HeaderList): void;
      pause(on: boolean): void;
    },
  ): BodyTransform | null {
    const { library, errors } = this.settings;
    const stream = library.create?.();
    if (stream === undefined) return null;
    const trailer = `x-envoy-decompressor-${library.name}`.toLowerCase();
    const transform: BodyTransform = new BodyTransform(
      stream,
      {
        inject: (bytes, endStream) => {
          direction.stats.uncompressedBytes.add(bytes.length);
          to.inject(bytes, endStream);
        },
        injectTrailers: (trailers) => to.injectTrailers(trailers),
        pause: (on) => to.pause(on),
        fail: (code) => (errors.get(code) ?? errors.values().next().value)?.inc(),
        lastTrailers: () => [
          `${trailer}-compressed-bytes`,
          String(transform.inputBytes),
          `${trailer}-uncompressed-bytes`,
          String(transform.outputBytes),
        ],
      },
      library.maxRatio,
    );
    return transform;
  }

  onDestroy(): void {
    this.request?.destroy();
    this.response?.destroy();
  }
}

/** `envoy.filters.http.decompressor`: bodies reach the other side plain, their sizes follow in trailers. */
export const DECOMPRESSOR: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.decompressor.v3.Decompressor',
  routeTypes: [],
  compile(name, config, ctx, environment) {
    const { stats, statPrefix } = environment;
    const library = compileDecompressorLibrary(config, ctx);
    const prefix = `${statPrefix}decompressor.${library?.name ?? ''}.${library?.statPrefix ?? ''}`;
    const request = config.message('request_direction_config');
    const requestDirection = compileDirection(request, stats, `${prefix}request.`);
    const advertise = request?.bool('advertise_accept_encoding') ?? true;
    const response = compileDirection(
      config.message('response_direction_config'),
      stats,
      `${prefix}response.`,
    );
    const settings: DecompressorSettings | null =
      library === null || library.create === null
        ? null
        : {
            library,
            request: requestDirection,
            response,
            advertise,
            errors: errorCounters(stats, library, `${prefix}decompressor_library.`),
          };
    return {
      name,
      source: config.range,
      create: (callbacks) => (settings === null ? {} : new DecompressorFilter(callbacks, settings)),
      explain(question, narrator) {
        if (settings === null) return null;
        const { encoding } = settings.library;
        if (settings.advertise && flagEnabled(settings.response.enabled, question.runtime)) {
          narrator.note('neutral', `Decompressor: asks upstream for ${encoding} too`, config.range);
        }
        const sent = headerValue(question.head.headers, 'content-encoding');
        if (sent !== undefined && beforeSeparator(sent, ',').toLowerCase() === encoding) {
          narrator.note('neutral', `Decompressor: the request's ${encoding} body is unpacked`, config.range);
        }
        return null;
      },
    };
  },
};
