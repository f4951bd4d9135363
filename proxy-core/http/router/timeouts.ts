import { headerValue, removeHeader, setHeader } from '../../base/headers.ts';
import type { RequestHead } from '../../base/stream-info.ts';
import type { ClusterAction, MaxStreamDuration } from '../../route/types.ts';
import { isGrpcRequest } from '../local-reply.ts';

/** Timeouts of one request in milliseconds, 0 = none. */
export interface RequestTimeouts {
  readonly global: number;
  readonly perTry: number;
  readonly perTryIdle: number;
  /** `x-envoy-upstream-rq-timeout-alt-response`: a timeout answers 204. */
  readonly altResponse: boolean;
  /** `grpc-timeout` tells the upstream the timeout that is in force. */
  readonly rewritesGrpc: boolean;
}

/**
 * Envoy: FilterUtility::finalTimeout. The overriding headers are taken off. `respectExpected`: the timeout that the
 * proxy before this one announced is taken.
 */
export function finalTimeouts(
  action: ClusterAction,
  head: RequestHead,
  respectExpected = false,
): RequestTimeouts {
  const { maxGrpcTimeout } = action;
  const grpc = maxGrpcTimeout !== null && action.maxStreamDuration === null && isGrpcRequest(head);
  let global = grpc ? grpcTimeoutOf(maxGrpcTimeout, head) : action.timeout;
  const expected = respectExpected ? headerValue(head.headers, 'x-envoy-expected-rq-timeout-ms') : undefined;
  let perTry = action.retryPolicy?.perTryTimeout ?? 0;
  let altResponse = false;
  const headers = head.headers;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (!name.startsWith('x-envoy-upstream-rq-')) continue;
    switch (name) {
      case 'x-envoy-upstream-rq-timeout-ms':
        if (expected !== undefined) continue;
        global = milliseconds(headers[i + 1] as string) ?? global;
        break;
      case 'x-envoy-upstream-rq-per-try-timeout-ms':
        perTry = milliseconds(headers[i + 1] as string) ?? perTry;
        break;
      case 'x-envoy-upstream-rq-timeout-alt-response':
        altResponse = true;
        break;
      default:
        continue;
    }
    removeHeader(headers, name);
    i -= 2;
  }
  if (expected !== undefined) global = milliseconds(expected) ?? global;
  if (global > 0 && perTry >= global) perTry = 0;
  return {
    global,
    perTry,
    perTryIdle: action.retryPolicy?.perTryIdleTimeout ?? 0,
    altResponse,
    rewritesGrpc: grpc,
  };
}

/** What the client asked for, less the offset, below the cap; 0 = no limit. */
function grpcTimeoutOf(limit: { readonly max: number; readonly offset: number }, head: RequestHead): number {
  let timeout = parseGrpcTimeout(headerValue(head.headers, 'grpc-timeout')) ?? 0;
  if (limit.offset < timeout) timeout -= limit.offset;
  return limit.max !== 0 && (timeout === 0 || timeout > limit.max) ? limit.max : timeout;
}

function milliseconds(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

const HEDGE_HEADER = 'x-envoy-hedge-on-per-try-timeout';

/** `hedge_policy.hedge_on_per_try_timeout`, or the header that overrides it, which is taken off. */
export function hedgesOnTimeout(action: ClusterAction, head: RequestHead): boolean {
  const asked = headerValue(head.headers, HEDGE_HEADER);
  if (asked === undefined) return action.hedgeOnPerTryTimeout;
  removeHeader(head.headers, HEDGE_HEADER);
  return asked === 'true' || (asked !== 'false' && action.hedgeOnPerTryTimeout);
}

/**
 * `x-envoy-expected-rq-timeout-ms`, unless `told` is false, and `grpc-timeout` where it follows the route: what is left
 * of the global timeout, or the per-try timeout when that is less.
 */
export function setExpectedTimeout(
  head: RequestHead,
  timeouts: RequestTimeouts,
  elapsed: number,
  hedges = false,
  told = true,
): void {
  // A hedged try lives on after its own timeout.
  let expected = hedges ? 0 : timeouts.perTry;
  if (timeouts.global > 0) {
    const left = Math.max(1, Math.round(timeouts.global - elapsed));
    if (expected === 0 || left < expected) expected = left;
  }
  if (expected === 0) return;
  if (told) setHeader(head.headers, 'x-envoy-expected-rq-timeout-ms', String(expected));
  if (timeouts.rewritesGrpc) setHeader(head.headers, 'grpc-timeout', grpcTimeout(expected));
}

const UNITS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000001,
};

/** `grpc-timeout` (1 to 8 digits and a unit) in milliseconds; null when it cannot be read. */
export function parseGrpcTimeout(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,8}[HMSmun]$/.test(text)) return null;
  return Number(text.slice(0, -1)) * (UNITS[text.slice(-1)] ?? 0);
}

/**
 * The route's limit on the whole stream, with gRPC's own deadline when the route listens to it: capped, shortened by
 * the offset, and rewritten in the request (reference section 9). Null leaves the connection manager's limit.
 */
export function streamDuration(limits: MaxStreamDuration, head: RequestHead): number | null {
  if (limits.grpcTimeoutHeaderMax !== null) {
    const asked = parseGrpcTimeout(headerValue(head.headers, 'grpc-timeout'));
    if (asked !== null) {
      let timeout = asked;
      const max = limits.grpcTimeoutHeaderMax;
      if (max > 0 && (timeout > max || timeout === 0)) timeout = max;
      const offset = limits.grpcTimeoutHeaderOffset ?? 0;
      if (timeout > offset) timeout -= offset;
      setHeader(head.headers, 'grpc-timeout', grpcTimeout(timeout));
      return timeout;
    }
  }
  return limits.max;
}

/** Milliseconds while they fit in eight digits, then coarser units. */
function grpcTimeout(timeout: number): string {
  const whole = Math.ceil(timeout);
  if (whole < 100_000_000) return `${whole}m`;
  const seconds = Math.floor(whole / 1000);
  return seconds < 100_000_000 ? `${seconds}S` : `${Math.min(99_999_999, Math.floor(seconds / 60))}M`;
}
