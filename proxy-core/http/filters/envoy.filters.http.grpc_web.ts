import { grpcStatusOfHttp } from '../../base/grpc.ts';
import { type HeaderList, headerValue, removeHeader, setHeader } from '../../base/headers.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import type { BodyStatus, FilterCallbacks, HeadStatus, HttpFilter, TrailersStatus } from '../filter.ts';
import { grpcMessage } from '../local-reply.ts';
import type { HttpFilterExtension } from './extension.ts';

const TEXT: ReadonlySet<string> = new Set(['application/grpc-web-text', 'application/grpc-web-text+proto']);
const BINARY: ReadonlySet<string> = new Set(['application/grpc-web', 'application/grpc-web+proto']);

/** Most bytes of a body that is no gRPC and becomes `grpc-message`. */
const MAX_MESSAGE = 16_384;
const EMPTY = new Uint8Array(0);

/** gRPC-Web of browsers to gRPC and back; the trailers travel as a frame in the body (gRPC PROTOCOL-WEB). */
class GrpcWebFilter implements HttpFilter {
  private active = false;
  private textRequest = false;
  private textResponse = false;
  /** Base64 of the request that is no whole group of four yet. */
  private undecoded = '';
  /** Response bytes that are no whole frame yet, in text mode. */
  private frame: Buffer = Buffer.alloc(0);
  /** The head of an answer that is no gRPC, until its body is known. */
  private plainHead: ResponseHead | null = null;
  private plainBody = '';

  constructor(private readonly callbacks: FilterCallbacks) {}

  decodeHead(head: RequestHead): HeadStatus {
    const { headers } = head;
    const type = headerValue(headers, 'content-type') ?? '';
    this.textRequest = TEXT.has(type);
    this.active = this.textRequest || BINARY.has(type);
    if (!this.active) return 'continue';
    this.textResponse = TEXT.has(headerValue(headers, 'accept') ?? '');
    removeHeader(headers, 'content-length');
    setHeader(headers, 'content-type', 'application/grpc');
    setHeader(headers, 'te', 'trailers');
    if (headerValue(headers, 'grpc-accept-encoding') === undefined) {
      headers.push('grpc-accept-encoding', 'identity');
    }
    return 'continue';
  }

  decodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    if (!this.textRequest) return 'continue';
    const text = this.undecoded + Buffer.from(bytes.subarray(start, end)).toString('latin1');
    if (endStream && text.length % 4 !== 0) return this.refuse('grpc_base_64_decode_failed_bad_size');
    const whole = text.length - (text.length % 4);
    this.undecoded = text.slice(whole);
    const decoded = decodeGroups(text.slice(0, whole));
    if (decoded === null) return this.refuse('grpc_base_64_decode_failed');
    if (decoded.length > 0 || endStream) this.callbacks.injectRequest(decoded, endStream);
    return 'drop';
  }

  private refuse(details: string): BodyStatus {
    this.callbacks.sendLocalReply(400, 'Bad gRPC-web request, invalid base64 data.', null, details);
    return 'drop';
  }

  encodeHead(head: ResponseHead, endStream: boolean): HeadStatus {
    if (!this.active) return 'continue';
    const plain = !isGrpcAnswer(head);
    const { headers } = head;
    removeHeader(headers, 'content-length');
    const type = this.textResponse ? 'application/grpc-web-text+proto' : 'application/grpc-web+proto';
    setHeader(headers, 'content-type', type);
    if (endStream || !plain) return 'continue';
    this.plainHead = head;
    return 'stop';
  }

  encodeBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    if (!this.active) return 'continue';
    if (this.plainHead !== null) {
      const left = MAX_MESSAGE - this.plainBody.length;
      this.plainBody += Buffer.from(bytes.subarray(start, end)).toString('latin1').slice(0, left);
      if (endStream) this.explainPlain(this.plainHead, true);
      return 'drop';
    }
    if (!this.textResponse) return 'continue';
    this.frame = Buffer.concat([this.frame, bytes.subarray(start, end)]);
    const encoded = this.encodeFrames();
    if (encoded !== '' || endStream) this.callbacks.injectResponse(Buffer.from(encoded, 'latin1'), endStream);
    return 'drop';
  }

  /** An answer that is no gRPC: its body becomes the message, its status the gRPC status. */
  private explainPlain(head: ResponseHead, ends: boolean): void {
    this.plainHead = null;
    setHeader(head.headers, 'grpc-message', grpcMessage(this.plainBody));
    setHeader(head.headers, 'grpc-status', String(grpcStatusOfHttp(head.status)));
    head.headers.push('content-length', '0');
    this.callbacks.continueEncoding();
    if (ends) this.callbacks.injectResponse(EMPTY, true);
  }

  /** Whole frames, each in base64 for itself. */
  private encodeFrames(): string {
    let text = '';
    while (this.frame.length >= 5) {
      const length = 5 + this.frame.readUInt32BE(1);
      if (this.frame.length < length) break;
      text += this.frame.toString('base64', 0, length);
      this.frame = this.frame.subarray(length);
    }
    return text;
  }

  encodeTrailers(trailers: HeaderList): TrailersStatus {
    if (!this.active) return 'continue';
    if (this.plainHead !== null) {
      this.explainPlain(this.plainHead, true);
      return 'drop';
    }
    let lines = '';
    for (let i = 0; i < trailers.length; i += 2) lines += `${trailers[i]}:${trailers[i + 1]}\r\n`;
    const frame = Buffer.alloc(5 + lines.length);
    frame[0] = 0x80;
    frame.writeUInt32BE(lines.length, 1);
    frame.write(lines, 5, 'latin1');
    const bytes = this.textResponse ? Buffer.from(frame.toString('base64'), 'latin1') : frame;
    this.callbacks.injectResponse(bytes, true);
    return 'drop';
  }
}

/** gRPC itself, or gRPC-Web in binary already, with status 200. */
function isGrpcAnswer(head: ResponseHead): boolean {
  const type = (headerValue(head.headers, 'content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (head.status !== 200) return false;
  return type === 'application/grpc' || type.startsWith('application/grpc+') || BINARY.has(type);
}

/** Base64 in whole groups; padding may end any group, since each frame may be encoded for itself. Null: not base64. */
function decodeGroups(text: string): Uint8Array | null {
  if (!/^(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)*$/.test(text)) return null;
  const parts = text.match(/[^=]+={0,2}/g) ?? [];
  return Buffer.concat(parts.map((part) => Buffer.from(part, 'base64')));
}

/** `envoy.filters.http.grpc_web`. */
export const GRPC_WEB: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.grpc_web.v3.GrpcWeb',
  routeTypes: [],
  compile(name, config) {
    return {
      name,
      source: config.range,
      create: (callbacks) => new GrpcWebFilter(callbacks),
      explain(question, narrator) {
        const type = headerValue(question.head.headers, 'content-type') ?? '';
        if (!TEXT.has(type) && !BINARY.has(type)) return null;
        narrator.note('neutral', `gRPC-Web: \`${type}\` goes upstream as \`application/grpc\``, config.range);
        return null;
      },
    };
  },
};
