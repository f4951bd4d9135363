import { type HeaderList, headerValue, removeHeader, setHeader } from '../../base/headers.ts';
import type { RequestHead, ResponseHead, StreamInfo } from '../../base/stream-info.ts';
import type { BodyStatus, FilterCallbacks, HeadStatus, HttpFilter, TrailersStatus } from '../filter.ts';
import { chooseEncoding, type EncodingDecision } from './accept-encoding.ts';
import { BodyTransform, passThrough } from './body-transform.ts';
import {
  type CompressorSettings,
  compileCompressor,
  compileCompressorRoute,
  type Direction,
  type DirectionStats,
  type RouteSettings,
} from './compressor-settings.ts';
import type { HttpFilterExtension } from './extension.ts';
import { beforeSeparator, hasToken } from './header-tokens.ts';
import { flagEnabled } from './runtime-flag.ts';

const COMPRESSED_TRANSFERS: readonly string[] = ['gzip', 'br', 'deflate', 'compress', 'zstd'];

/** All compressors of one stream decide together, once. */
interface StreamCompressors {
  readonly all: CompressorSettings[];
  decision: EncodingDecision | null;
}

const STREAMS = new WeakMap<StreamInfo, StreamCompressors>();

function streamCompressors(info: StreamInfo): StreamCompressors {
  let found = STREAMS.get(info);
  if (found === undefined) {
    found = { all: [], decision: null };
    STREAMS.set(info, found);
  }
  return found;
}

function contentType(headers: HeaderList): string {
  return beforeSeparator(headerValue(headers, 'content-type') ?? '', ';').toLowerCase();
}

function isLongEnough(direction: Direction, headers: HeaderList): boolean {
  const length = headerValue(headers, 'content-length');
  if (length === undefined || (/^\d+$/.test(length) && Number(length) >= direction.minLength)) return true;
  direction.stats.tooSmall.inc();
  return false;
}

function isTypeAllowed(direction: Direction, headers: HeaderList): boolean {
  return (
    headerValue(headers, 'content-type') === undefined || direction.contentTypes.has(contentType(headers))
  );
}

function isTransferAllowed(headers: HeaderList): boolean {
  const value = headerValue(headers, 'transfer-encoding');
  return value === undefined || !COMPRESSED_TRANSFERS.some((each) => hasToken(value, each));
}

class CompressorFilter implements HttpFilter {
  private readonly shared: StreamCompressors;
  private accept: string | undefined;
  private request: BodyTransform | null = null;
  private response: BodyTransform | null = null;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly settings: CompressorSettings,
  ) {
    this.shared = streamCompressors(callbacks.info);
    this.shared.all.push(settings);
  }

  private get route(): RouteSettings | undefined {
    return this.callbacks.perRouteConfig() as RouteSettings | undefined;
  }

  private get responseEnabled(): boolean {
    return this.route?.enabled ?? flagEnabled(this.settings.response.enabled, this.callbacks.runtime);
  }

  decodeHead(head: RequestHead, endStream: boolean): HeadStatus {
    const { settings, callbacks } = this;
    const { headers } = head;
    this.accept = headerValue(headers, 'accept-encoding');
    const removes = this.route?.removeAcceptEncoding ?? settings.removeAcceptEncoding;
    if (removes && this.responseEnabled) removeHeader(headers, 'accept-encoding');
    const { request, library } = settings;
    if (
      request === null ||
      endStream ||
      !flagEnabled(request.enabled, callbacks.runtime) ||
      headerValue(headers, 'upgrade') !== undefined ||
      !isLongEnough(request, headers) ||
      !isTypeAllowed(request, headers) ||
      headerValue(headers, 'content-encoding') !== undefined ||
      !isTransferAllowed(headers)
    ) {
      settings.requestStats.notCompressed.inc();
      return 'continue';
    }
    removeHeader(headers, 'content-length');
    headers.push('content-encoding', library.encoding);
    request.stats.compressed.inc();
    this.request = this.transform(request.stats, {
      inject: callbacks.injectRequest,
      injectTrailers: callbacks.injectRequestTrailers,
      pause: callbacks.pauseRequest,
    });
    return 'continue';
  }

  decodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    return passThrough(
      this.request,
      bytes,
      start,
      end,
      endStream,
      this.settings.requestStats.uncompressedBytes,
    );
  }

  decodeTrailers(trailers: HeaderList): TrailersStatus {
    if (this.request === null) return 'continue';
    this.request.writeTrailers(trailers);
    return 'drop';
  }

  encodeHead(head: ResponseHead, endStream: boolean): HeadStatus {
    const { settings, callbacks } = this;
    const { response, library } = settings;
    const { headers } = head;
    const candidate = this.responseEnabled && isLongEnough(response, headers);
    const compressible =
      candidate &&
      headerValue(headers, 'upgrade') === undefined &&
      isTypeAllowed(response, headers) &&
      !hasToken(headerValue(headers, 'cache-control'), 'no-transform') &&
      this.isEtagAllowed(headers) &&
      headerValue(headers, 'content-encoding') === undefined;
    if (!endStream && candidate && this.isChosen(headers) && compressible && isTransferAllowed(headers)) {
      dropStrongEtag(headers);
      removeHeader(headers, 'content-length');
      headers.push('content-encoding', library.encoding);
      response.stats.compressed.inc();
      this.response = this.transform(response.stats, {
        inject: callbacks.injectResponse,
        injectTrailers: callbacks.injectResponseTrailers,
        pause: callbacks.pauseResponse,
      });
    } else response.stats.notCompressed.inc();
    if (compressible) addVary(headers);
    return 'continue';
  }

  private isEtagAllowed(headers: HeaderList): boolean {
    const { disableOnEtag, stats } = this.settings;
    if (!disableOnEtag || headerValue(headers, 'etag') === undefined) return true;
    stats.etag.inc();
    return false;
  }

  /** Is it this compressor that the client's Accept-Encoding means? */
  private isChosen(headers: HeaderList): boolean {
    const { shared, settings, accept } = this;
    const { stats, library } = settings;
    if (accept === undefined) {
      stats.noAcceptHeader.inc();
      return false;
    }
    shared.decision ??= decide(accept, shared.all, contentType(headers));
    const chosen = shared.decision.encoding === library.encoding;
    switch (shared.decision.by) {
      case 'compressor':
        (chosen ? stats.used : stats.overshadowed).inc();
        break;
      case 'identity':
        stats.identity.inc();
        break;
      case 'wildcard':
        stats.wildcard.inc();
        break;
      default:
        stats.notValid.inc();
    }
    return chosen;
  }

  encodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    return passThrough(
      this.response,
      bytes,
      start,
      end,
      endStream,
      this.settings.response.stats.uncompressedBytes,
    );
  }

  encodeTrailers(trailers: HeaderList): TrailersStatus {
    if (this.response === null) return 'continue';
    this.response.writeTrailers(trailers);
    return 'drop';
  }

  private transform(
    stats: DirectionStats,
    to: {
      inject(bytes: Uint8Array, endStream: boolean): void;
      injectTrailers(trailers: HeaderList): void;
      pause(on: boolean): void;
    },
  ): BodyTransform | null {
    const stream = this.settings.library.create?.();
    if (stream === undefined) return null;
    const sink = {
      inject: (bytes: Uint8Array, endStream: boolean) => {
        stats.compressedBytes.add(bytes.length);
        to.inject(bytes, endStream);
      },
      injectTrailers: (trailers: HeaderList) => to.injectTrailers(trailers),
      pause: (on: boolean) => to.pause(on),
      fail: () => {},
      lastTrailers: () => null,
    };
    return new BodyTransform(stream, sink, 0);
  }

  onDestroy(): void {
    this.request?.destroy();
    this.response?.destroy();
  }
}

/** Compressors that do not take this content type take no part. */
function decide(accept: string, all: readonly CompressorSettings[], type: string): EncodingDecision {
  const offers = all
    .filter(({ response }) => type === '' || response.contentTypes.has(type))
    .map(({ library, chooseFirst }) => ({ encoding: library.encoding, chooseFirst }));
  return chooseEncoding(accept, offers);
}

/** A strong validator names bytes that the client will not get. */
function dropStrongEtag(headers: HeaderList): void {
  const etag = headerValue(headers, 'etag');
  if (etag !== undefined && etag.length > 2 && !/^w\//i.test(etag)) removeHeader(headers, 'etag');
}

function addVary(headers: HeaderList): void {
  const vary = headerValue(headers, 'vary');
  // Case counts here, as in Envoy.
  if (vary?.split(',').some((token) => token.trim() === 'Accept-Encoding') === true) return;
  setHeader(headers, 'vary', vary === undefined ? 'Accept-Encoding' : `${vary}, Accept-Encoding`);
}

/** `envoy.filters.http.compressor`. */
export const COMPRESSOR: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.compressor.v3.Compressor',
  routeTypes: ['envoy.extensions.filters.http.compressor.v3.CompressorPerRoute'],
  compileRoute: compileCompressorRoute,
  compile(name, config, ctx, environment) {
    const settings = compileCompressor(config, ctx, environment.stats, environment.statPrefix);
    return {
      name,
      source: config.range,
      create: (callbacks) => (settings === null ? {} : new CompressorFilter(callbacks, settings)),
      explain(question, narrator) {
        if (settings === null) return null;
        const route = question.routeConfigs()[0] as RouteSettings | undefined;
        const { encoding } = settings.library;
        const enabled = route?.enabled ?? flagEnabled(settings.response.enabled, question.runtime);
        const accept = headerValue(question.head.headers, 'accept-encoding');
        if (!enabled) narrator.note('neutral', 'Compressor: off for this request', config.range);
        else if (accept === undefined) {
          narrator.note('neutral', 'Compressor: the client sent no `accept-encoding`', config.range);
        } else {
          const chosen = decide(accept, [settings], '').encoding === encoding;
          const text = chosen
            ? `\`accept-encoding: ${accept}\` takes ${encoding}: answers of a compressible type and at least ${settings.response.minLength} bytes are compressed`
            : `\`accept-encoding: ${accept}\` does not take ${encoding}`;
          narrator.note('neutral', `Compressor: ${text}`, config.range);
        }
        return null;
      },
    };
  },
};
