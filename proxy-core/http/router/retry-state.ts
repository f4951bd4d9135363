import { type HeaderList, headerValue } from '../../base/headers.ts';
import type { Random } from '../../base/random.ts';
import type { Attempt, RequestHead, ResponseHead } from '../../base/stream-info.ts';
import { matchesHeader } from '../../route/header-matcher.ts';
import type { RetryPriority } from '../../route/retry-policy.ts';
import type { RateLimitedBackOff, RetryPolicy } from '../../route/types.ts';
import type { Cluster, Host, ResourceLimits } from '../../upstream/types.ts';
import type { ResetReason } from '../codec/codec.ts';
import type { RequestStats } from './request-stats.ts';
import { refusesHost } from './retry-hosts.ts';
import { takeRetryOverrides } from './retry-overrides.ts';

export type RetryVerdict = 'retry' | 'no' | 'exhausted' | 'overflow';

const NO_WORDS: ReadonlySet<string> = new Set();
const NO_STATS: readonly RequestStats[] = [];
const GRPC_WORDS: Readonly<Record<string, string>> = {
  '1': 'cancelled',
  '4': 'deadline-exceeded',
  '8': 'resource-exhausted',
  '13': 'internal',
  '14': 'unavailable',
};
/** Words that take any reset. */
const RESET_WORDS = ['reset', '5xx', 'gateway-error'] as const;
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
  /** Why the retry granted last is made: a word of `retry_on`, or `hedge`. */
  reason = '';

  constructor(
    private readonly on: ReadonlySet<string>,
    retries: number,
    private readonly statusCodes: readonly number[],
    private readonly headerNames: readonly string[],
    private readonly policy: RetryPolicy | null,
    private readonly cluster: Cluster,
    private readonly limits: ResourceLimits,
    private readonly random: Random,
    private readonly counted: readonly RequestStats[],
  ) {
    this.remaining = retries;
    this.interval = policy?.baseInterval ?? DEFAULT_BASE_INTERVAL;
    this.maxInterval = policy?.maxInterval ?? DEFAULT_BASE_INTERVAL * 10;
  }

  /** `host_selection_retry_max_attempts`: how often to pick again while a predicate refuses the host; 0 = never. */
  get hostSelections(): number {
    const { policy } = this;
    return policy === null || policy.hostPredicates.length === 0 ? 0 : policy.hostSelectionAttempts;
  }

  /** True when a predicate of `retry_host_predicate` does not want this host for a retry. */
  refuses(host: Host, attempts: readonly Attempt[]): boolean {
    return this.policy !== null && refusesHost(this.policy.hostPredicates, host, attempts);
  }

  /** `retry_priority`, null when retries go by the load balancer's own priorities. */
  get priorities(): RetryPriority | null {
    return this.policy?.priority ?? null;
  }

  /** Judges a response head. `wall`: now, milliseconds since 1970. */
  onHead(head: ResponseHead, wall: number): RetryVerdict {
    const verdict = this.judge(this.wordForHead(head));
    const rateLimited = this.policy?.rateLimitedBackOff ?? null;
    if (verdict === 'retry' && rateLimited !== null) this.asked = askedPause(rateLimited, head.headers, wall);
    return verdict;
  }

  /** Judges a try that died before its response. `started`: the request had been handed to a connection. */
  onReset(reason: ResetReason, started: boolean): RetryVerdict {
    return this.judge(this.wordForReset(reason, started));
  }

  /** `per_try_timeout` ran out on a try that stays alive: hedging needs no word, only a retry that is left. */
  onHedge(): RetryVerdict {
    return this.judge('hedge');
  }

  /** A try beside which another one was started: would its answer be retried if it could? Counts nothing. */
  wouldRetry(head: ResponseHead): boolean {
    return this.wordForHead(head) !== '';
  }

  /** @param word Why there should be a retry, empty for none. */
  private judge(word: string): RetryVerdict {
    const { stats } = this.cluster;
    const { counted } = this;
    this.release();
    if (word === '') {
      if (this.retried) {
        stats.upstreamRqRetrySuccess.inc();
        for (let i = 0; i < counted.length; i++) counted[i]?.rqRetrySuccess.inc();
      }
      this.retried = false;
      return 'no';
    }
    if (this.remaining === 0) {
      stats.upstreamRqRetryLimitExceeded.inc();
      for (let i = 0; i < counted.length; i++) counted[i]?.rqRetryLimitExceeded.inc();
      return 'exhausted';
    }
    this.remaining--;
    if (this.limits.retries >= this.limits.maxRetries) {
      stats.upstreamRqRetryOverflow.inc();
      for (let i = 0; i < counted.length; i++) counted[i]?.rqRetryOverflow.inc();
      return 'overflow';
    }
    this.reason = word;
    for (let i = 0; i < counted.length; i++) counted[i]?.rqRetry.inc();
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

  private wordForHead(head: ResponseHead): string {
    const { on } = this;
    const status = head.status;
    if (headerValue(head.headers, 'x-envoy-ratelimited') !== undefined) {
      return on.has('envoy-ratelimited') ? 'envoy-ratelimited' : '';
    }
    if (status >= 500 && status < 600 && on.has('5xx')) return '5xx';
    if (status >= 502 && status <= 504 && on.has('gateway-error')) return 'gateway-error';
    if (status === 409 && on.has('retriable-4xx')) return 'retriable-4xx';
    if (on.has('retriable-status-codes') && this.statusCodes.includes(status))
      return 'retriable-status-codes';
    if (on.has('retriable-headers') && this.hasRetriableHeader(head)) return 'retriable-headers';
    const grpc = headerValue(head.headers, 'grpc-status');
    const word = grpc === undefined ? undefined : GRPC_WORDS[grpc];
    return word !== undefined && on.has(word) ? word : '';
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

  private wordForReset(reason: ResetReason, started: boolean): string {
    const { on } = this;
    if (reason === 'overflow') return '';
    if (!started && on.has('reset-before-request')) return 'reset-before-request';
    for (const word of RESET_WORDS) if (on.has(word)) return word;
    if (reason === 'remote-refused-stream') return on.has('refused-stream') ? 'refused-stream' : '';
    if (reason === 'connection-failure' || reason === 'connection-timeout') {
      return on.has('connect-failure') ? 'connect-failure' : '';
    }
    return '';
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
  counted: readonly RequestStats[] = NO_STATS,
): RetryState | null {
  const override = takeRetryOverrides(head.headers);
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
    counted,
  );
}
