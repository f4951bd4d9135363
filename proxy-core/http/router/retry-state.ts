import { type HeaderList, headerValue, removeHeader } from '../../base/headers.ts';
import type { Random } from '../../base/random.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import { matchesHeader } from '../../route/header-matcher.ts';
import { retryWords } from '../../route/retry-policy.ts';
import type { RateLimitedBackOff, RetryPolicy } from '../../route/types.ts';
import type { Cluster, ResourceLimits } from '../../upstream/types.ts';
import type { ResetReason } from '../codec/codec.ts';

export type RetryVerdict = 'retry' | 'no' | 'exhausted' | 'overflow';

const NO_WORDS: ReadonlySet<string> = new Set();
const GRPC_WORDS: Readonly<Record<string, string>> = {
  '1': 'cancelled',
  '4': 'deadline-exceeded',
  '8': 'resource-exhausted',
  '13': 'internal',
  '14': 'unavailable',
};
const DEFAULT_BASE_INTERVAL = 25;

/** Whether, how often and after which pause a request is tried again. Envoy: Router::RetryStateImpl. */
export class RetryState {
  private remaining: number;
  private interval: number;
  private readonly maxInterval: number;
  private holdsRetry = false;
  /** A retry was started: the next result that is none counts as its success. */
  private retried = false;
  /** Milliseconds that the last response asked to wait; 0 = it did not. */
  private asked = 0;

  constructor(
    private readonly on: ReadonlySet<string>,
    retries: number,
    private readonly statusCodes: readonly number[],
    private readonly headerNames: readonly string[],
    private readonly policy: RetryPolicy | null,
    private readonly cluster: Cluster,
    private readonly limits: ResourceLimits,
    private readonly random: Random,
  ) {
    this.remaining = retries;
    this.interval = policy?.baseInterval ?? DEFAULT_BASE_INTERVAL;
    this.maxInterval = policy?.maxInterval ?? DEFAULT_BASE_INTERVAL * 10;
  }

  /** True when a retry is to avoid the hosts that were tried. */
  get avoidsPreviousHosts(): boolean {
    return this.policy?.avoidPreviousHosts ?? false;
  }

  /** `host_selection_retry_max_attempts`. */
  get hostSelectionAttempts(): number {
    return this.policy?.hostSelectionAttempts ?? 1;
  }

  /** Judges a response head. `wall`: now, milliseconds since 1970. */
  onHead(head: ResponseHead, wall: number): RetryVerdict {
    const verdict = this.judge(this.wantsForHead(head));
    const rateLimited = this.policy?.rateLimitedBackOff ?? null;
    if (verdict === 'retry' && rateLimited !== null) this.asked = askedPause(rateLimited, head.headers, wall);
    return verdict;
  }

  /** Judges a try that died before its response. `started`: the request had been handed to a connection. */
  onReset(reason: ResetReason, started: boolean): RetryVerdict {
    return this.judge(this.wantsForReset(reason, started));
  }

  private judge(wanted: boolean): RetryVerdict {
    const { stats } = this.cluster;
    this.release();
    if (!wanted) {
      if (this.retried) stats.upstreamRqRetrySuccess.inc();
      this.retried = false;
      return 'no';
    }
    if (this.remaining === 0) {
      stats.upstreamRqRetryLimitExceeded.inc();
      return 'exhausted';
    }
    this.remaining--;
    if (this.limits.retries >= this.limits.maxRetries) {
      stats.upstreamRqRetryOverflow.inc();
      return 'overflow';
    }
    this.holdsRetry = true;
    this.limits.retries++;
    this.limits.refresh();
    this.retried = true;
    stats.upstreamRqRetry.inc();
    return 'retry';
  }

  /**
   * Milliseconds to wait before the retry just granted: what a rate limiting response asked for and up to half more, or
   * uniform below an interval that doubles.
   */
  pause(): number {
    if (this.asked > 0) {
      const asked = this.asked;
      this.asked = 0;
      this.cluster.stats.upstreamRqRetryBackoffRatelimited.inc();
      return asked + (this.random.next() % Math.max(1, Math.floor(asked / 2)));
    }
    this.cluster.stats.upstreamRqRetryBackoffExponential.inc();
    const interval = this.interval;
    this.interval = Math.min(interval * 2, this.maxInterval);
    return this.random.next() % Math.max(1, Math.round(interval));
  }

  /** Gives the retry back to the circuit breaker; harmless when none is held. */
  release(): void {
    if (!this.holdsRetry) return;
    this.holdsRetry = false;
    this.limits.retries--;
    this.limits.refresh();
  }

  private wantsForHead(head: ResponseHead): boolean {
    const { on } = this;
    const status = head.status;
    if (headerValue(head.headers, 'x-envoy-ratelimited') !== undefined) return on.has('envoy-ratelimited');
    if (status >= 500 && status < 600 && on.has('5xx')) return true;
    if (status >= 502 && status <= 504 && on.has('gateway-error')) return true;
    if (status === 409 && on.has('retriable-4xx')) return true;
    if (on.has('retriable-status-codes') && this.statusCodes.includes(status)) return true;
    if (on.has('retriable-headers') && this.hasRetriableHeader(head)) return true;
    const grpc = headerValue(head.headers, 'grpc-status');
    const word = grpc === undefined ? undefined : GRPC_WORDS[grpc];
    return word !== undefined && on.has(word);
  }

  private hasRetriableHeader(head: ResponseHead): boolean {
    for (const name of this.headerNames) if (headerValue(head.headers, name) !== undefined) return true;
    const matchers = this.policy?.retriableHeaders ?? [];
    if (matchers.length === 0) return false;
    const seen: RequestHead = {
      method: '',
      authority: '',
      path: '',
      scheme: '',
      protocol: '',
      headers: head.headers,
    };
    return matchers.some((matcher) => matchesHeader(matcher, seen));
  }

  private wantsForReset(reason: ResetReason, started: boolean): boolean {
    const { on } = this;
    if (reason === 'overflow') return false;
    if (!started && on.has('reset-before-request')) return true;
    if (on.has('reset') || on.has('5xx') || on.has('gateway-error')) return true;
    if (reason === 'remote-refused-stream') return on.has('refused-stream');
    if (reason === 'connection-failure' || reason === 'connection-timeout') return on.has('connect-failure');
    return false;
  }
}

/** The interval of the first reset header that has a usable one (Envoy: RetryStateImpl::parseResetInterval), 0 = none. */
function askedPause(rateLimited: RateLimitedBackOff, headers: HeaderList, wall: number): number {
  for (const { name, unixTimestamp } of rateLimited.resetHeaders) {
    const value = headerValue(headers, name);
    if (value === undefined || !/^\d{1,12}$/.test(value)) continue;
    const interval = Number(value) * 1000 - (unixTimestamp ? wall : 0);
    if (interval > 0 && interval <= rateLimited.maxInterval) return interval;
  }
  return 0;
}

/**
 * The retry state of a request, null when nothing would be retried. Takes the overriding request headers off; they only
 * survive until here on internal requests (reference section 10.2).
 */
export function createRetryState(
  policy: RetryPolicy | null,
  head: RequestHead,
  cluster: Cluster,
  limits: ResourceLimits,
  random: Random,
): RetryState | null {
  const override = takeOverrides(head.headers);
  if (policy === null && override === null) return null;
  let on: ReadonlySet<string> = policy?.on ?? NO_WORDS;
  if (override !== null && override.on.size > 0) on = new Set([...on, ...override.on]);
  if (on.size === 0) return null;
  const required = policy?.retriableRequestHeaders ?? [];
  if (required.length > 0 && !required.some((matcher) => matchesHeader(matcher, head))) return null;
  return new RetryState(
    on,
    override?.retries ?? policy?.numRetries ?? 1,
    override === null || override.statusCodes.length === 0
      ? (policy?.retriableStatusCodes ?? [])
      : [...(policy?.retriableStatusCodes ?? []), ...override.statusCodes],
    override?.headerNames ?? [],
    policy,
    cluster,
    limits,
    random,
  );
}

interface Overrides {
  on: Set<string>;
  retries: number | null;
  statusCodes: number[];
  headerNames: string[];
}

const PREFIX = 'x-envoy-';

function takeOverrides(headers: HeaderList): Overrides | null {
  let overrides: Overrides | null = null;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (!name.startsWith(PREFIX)) continue;
    const value = headers[i + 1] as string;
    switch (name) {
      case 'x-envoy-retry-on':
      case 'x-envoy-retry-grpc-on':
        overrides ??= { on: new Set(), retries: null, statusCodes: [], headerNames: [] };
        for (const word of retryWords(value)) overrides.on.add(word);
        break;
      case 'x-envoy-max-retries':
        overrides ??= { on: new Set(), retries: null, statusCodes: [], headerNames: [] };
        if (/^\d{1,9}$/.test(value)) overrides.retries = Number(value);
        break;
      case 'x-envoy-retriable-status-codes':
        overrides ??= { on: new Set(), retries: null, statusCodes: [], headerNames: [] };
        for (const code of value.split(',')) {
          if (/^\s*\d{3}\s*$/.test(code)) overrides.statusCodes.push(Number(code));
        }
        break;
      case 'x-envoy-retriable-header-names':
        overrides ??= { on: new Set(), retries: null, statusCodes: [], headerNames: [] };
        overrides.headerNames.push(...value.split(',').map((each) => each.trim().toLowerCase()));
        break;
      default:
        break;
    }
  }
  if (overrides !== null) {
    removeHeader(headers, 'x-envoy-retry-on');
    removeHeader(headers, 'x-envoy-retry-grpc-on');
    removeHeader(headers, 'x-envoy-max-retries');
    removeHeader(headers, 'x-envoy-retriable-status-codes');
    removeHeader(headers, 'x-envoy-retriable-header-names');
  }
  return overrides;
}
