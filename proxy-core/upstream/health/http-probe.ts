import type { Clock } from '../../base/clock.ts';
import { type HeaderList, headerValue, setHeader } from '../../base/headers.ts';
import { reasonPhrase } from '../../base/reason-phrase.ts';
import type { ResponseHead } from '../../base/stream-info.ts';
import { matchesString } from '../../route/string-matcher.ts';
import { mutateCheckHeaders, USER_AGENT } from './check-headers.ts';
import { CheckClient, type CheckClientSettings, type CheckReceiver } from './client.ts';
import { inRanges } from './compile-http.ts';
import type { HttpCheck } from './config.ts';
import { matchesPayload } from './payload.ts';
import { failure, type Probe, type ProbeResult, type ProbeSink } from './probe.ts';

export interface HttpProbeEnvironment extends CheckClientSettings {
  readonly clock: Clock;
  readonly authority: string;
  readonly host: { readonly address: string; readonly hostname: string };
  readonly reuse: boolean;
  /** Runtime `health_check.verify_cluster`; called when a service name is to be compared, which it counts. */
  readonly verifiesService: () => boolean;
}

/** An HTTP check of one host (envoy HttpHealthCheckerImpl). */
export class HttpProbe implements Probe, CheckReceiver {
  private readonly client: CheckClient;
  private head: ResponseHead | null = null;
  private body: Uint8Array = NOTHING;

  constructor(
    private readonly check: HttpCheck,
    private readonly environment: HttpProbeEnvironment,
    private readonly sink: ProbeSink,
  ) {
    this.client = new CheckClient(environment, this);
  }

  start(): void {
    const { check, environment } = this;
    const headers: HeaderList = ['user-agent', USER_AGENT];
    const protocol = check.codec === 'HTTP2' ? 'HTTP/2' : 'HTTP/1.1';
    mutateCheckHeaders(check.headers, headers, protocol, environment.host, environment.clock);
    if (check.send !== null) setHeader(headers, 'content-length', String(check.send.length));
    this.client.send(
      {
        method: check.method,
        authority: environment.authority,
        path: check.path,
        scheme: environment.tls === null ? 'http' : 'https',
        protocol: '',
        headers,
      },
      check.send,
    );
  }

  cancel(): void {
    this.forget();
    this.client.close();
  }

  close(): void {
    this.cancel();
  }

  private forget(): void {
    this.head = null;
    this.body = NOTHING;
  }

  // CheckReceiver

  onHead(head: ResponseHead, endStream: boolean): void {
    this.head = head;
    if (endStream) this.complete();
  }

  onBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    const { receive, responseBufferSize } = this.check;
    if (receive.length > 0 && end > start) {
      const room = responseBufferSize === 0 ? end - start : responseBufferSize - this.body.length;
      const stop = Math.min(end, start + Math.max(0, room));
      this.body = Buffer.concat([this.body, bytes.subarray(start, stop)]);
    }
    if (endStream) this.complete();
  }

  onTrailers(): void {
    this.complete();
  }

  onFailed(reason: string): void {
    this.forget();
    this.sink(failure('NETWORK', reason));
  }

  private complete(): void {
    const { head, body, environment } = this;
    if (head === null) return;
    this.forget();
    const closes = headerValue(head.headers, 'connection')?.toLowerCase() === 'close';
    this.client.settle(environment.reuse && !closes);
    this.sink(judgeHttpAnswer(this.check, head, body, environment.verifiesService));
  }
}

/** The verdict on a whole answer (envoy HttpActiveHealthCheckSession::healthCheckResult). */
export function judgeHttpAnswer(
  check: HttpCheck,
  head: ResponseHead,
  body: Uint8Array,
  verifiesService: () => boolean,
): ProbeResult {
  const answer = `${head.status} ${reasonPhrase(head.status)}`;
  const exclude = headerValue(head.headers, 'x-envoy-immediate-health-check-fail') !== undefined;
  if (check.receive.length > 0 && !matchesPayload(check.receive, body)) {
    return failure('ACTIVE', `${answer}, and its body lacks the expected bytes`, { exclude });
  }
  if (!inRanges(head.status, check.expected)) {
    return failure('ACTIVE', answer, { retriable: inRanges(head.status, check.retriable), exclude });
  }
  if (check.serviceName !== null && verifiesService()) {
    const service = headerValue(head.headers, 'x-envoy-upstream-healthchecked-cluster') ?? '';
    if (!matchesString(check.serviceName, service)) {
      const who = service === '' ? 'from a service that gives no name' : `from the service “${service}”`;
      return failure('ACTIVE', `${answer} ${who}`);
    }
  }
  const degraded = headerValue(head.headers, 'x-envoy-degraded') !== undefined;
  return { kind: 'success', degraded, answer: degraded ? `${answer}, degraded` : answer };
}

const NOTHING = new Uint8Array(0);
