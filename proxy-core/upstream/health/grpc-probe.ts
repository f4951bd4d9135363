import type { Clock } from '../../base/clock.ts';
import { grpcStatusOfHttp, isGrpcContentType } from '../../base/grpc.ts';
import { type HeaderList, headerValue } from '../../base/headers.ts';
import type { ResponseHead } from '../../base/stream-info.ts';
import { mutateCheckHeaders, USER_AGENT } from './check-headers.ts';
import { CheckClient, type CheckClientSettings, type CheckReceiver } from './client.ts';
import type { GrpcCheck } from './config.ts';
import { GrpcFrames, healthRequestFrame, readHealthResponse, type ServingStatus } from './grpc-message.ts';
import { failure, type Probe, type ProbeSink } from './probe.ts';

export interface GrpcProbeEnvironment extends CheckClientSettings {
  readonly clock: Clock;
  readonly authority: string;
  readonly host: { readonly address: string; readonly hostname: string };
  readonly reuse: boolean;
  /** Milliseconds, for `grpc-timeout`. */
  readonly timeout: number;
}

/** An answer is one small message. */
const MAX_MESSAGE = 64 * 1024;
const INTERNAL = 13;

/** A `grpc.health.v1.Health/Check` of one host (envoy GrpcHealthCheckerImpl). */
export class GrpcProbe implements Probe, CheckReceiver {
  private readonly client: CheckClient;
  private readonly frame: Uint8Array;
  private frames = new GrpcFrames();
  private serving: ServingStatus | null = null;
  private asking = false;

  constructor(
    private readonly check: GrpcCheck,
    private readonly environment: GrpcProbeEnvironment,
    private readonly sink: ProbeSink,
  ) {
    this.client = new CheckClient(environment, this);
    this.frame = healthRequestFrame(check.serviceName);
  }

  start(): void {
    const { environment, check } = this;
    this.asking = true;
    this.frames = new GrpcFrames();
    this.serving = null;
    const headers: HeaderList = [
      'content-type',
      'application/grpc',
      'te',
      'trailers',
      'user-agent',
      USER_AGENT,
    ];
    mutateCheckHeaders(check.metadata, headers, 'HTTP/2', environment.host, environment.clock);
    headers.push('grpc-timeout', grpcTimeout(environment.timeout));
    this.client.send(
      {
        method: 'POST',
        authority: environment.authority,
        path: '/grpc.health.v1.Health/Check',
        scheme: environment.tls === null ? 'http' : 'https',
        protocol: '',
        headers,
      },
      this.frame,
    );
  }

  /** The stream is given up; the connection stays where it may. */
  cancel(): void {
    this.asking = false;
    if (this.environment.reuse) this.client.abandon();
    else this.client.close();
  }

  close(): void {
    this.asking = false;
    this.client.close();
  }

  // CheckReceiver

  onHead(head: ResponseHead, endStream: boolean): void {
    const status = endStream ? headerValue(head.headers, 'grpc-status') : undefined;
    if (status !== undefined)
      this.finish(Number(status), headerValue(head.headers, 'grpc-message') ?? '', true);
    else if (head.status !== 200) {
      this.finish(grpcStatusOfHttp(head.status), `HTTP status ${head.status}`, endStream);
    } else if (!isGrpcContentType(headerValue(head.headers, 'content-type'))) {
      this.finish(INTERNAL, 'the answer is not gRPC', endStream);
    } else if (endStream) this.finish(INTERNAL, 'the answer ends without a status', true);
  }

  onBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (!this.asking) return;
    if (endStream) {
      this.finish(INTERNAL, 'the answer ends without a status', true);
      return;
    }
    const messages = this.frames.add(bytes.subarray(start, end), MAX_MESSAGE);
    if (messages === null) {
      this.finish(INTERNAL, 'the answer cannot be read', false);
      return;
    }
    for (const message of messages) {
      if (message.length === 0) continue;
      if (this.serving !== null) {
        this.finish(INTERNAL, 'there is more than one answer', false);
        return;
      }
      this.serving = readHealthResponse(message);
      if (this.serving === null) {
        this.finish(INTERNAL, 'the answer cannot be read', false);
        return;
      }
    }
  }

  onTrailers(trailers: HeaderList): void {
    const status = headerValue(trailers, 'grpc-status');
    this.finish(
      status === undefined ? INTERNAL : Number(status),
      status === undefined
        ? 'the answer ends without a status'
        : (headerValue(trailers, 'grpc-message') ?? ''),
      true,
    );
  }

  onFailed(reason: string): void {
    if (!this.asking) return;
    this.asking = false;
    this.sink(failure('NETWORK', reason));
  }

  private finish(status: number, message: string, complete: boolean): void {
    if (!this.asking) return;
    this.asking = false;
    if (complete || !this.environment.reuse) this.client.settle(this.environment.reuse);
    else this.client.abandon();
    if (status === 0 && this.serving === 'SERVING') {
      this.sink({ kind: 'success', degraded: false, answer: 'SERVING' });
      return;
    }
    const said = message === '' ? '' : `: ${message}`;
    const answer = status === 0 ? (this.serving ?? 'no answer') : `gRPC status ${status}${said}`;
    this.sink(failure('ACTIVE', answer));
  }
}

/** At most eight digits and a unit (gRPC over HTTP/2). */
export function grpcTimeout(milliseconds: number): string {
  const whole = Math.max(0, Math.floor(milliseconds));
  if (whole < 100_000_000) return `${whole}m`;
  const seconds = Math.floor(whole / 1000);
  if (seconds < 100_000_000) return `${seconds}S`;
  return `${Math.min(99_999_999, Math.floor(seconds / 60))}M`;
}
