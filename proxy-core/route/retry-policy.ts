import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import { compileHeaderMatcher } from './header-matcher.ts';
import type { RateLimitedBackOff, RetryPolicy } from './types.ts';

const WORDS: ReadonlySet<string> = new Set([
  '5xx',
  'gateway-error',
  'connect-failure',
  'reset',
  'reset-before-request',
  'refused-stream',
  'retriable-4xx',
  'retriable-status-codes',
  'retriable-headers',
  'envoy-ratelimited',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
]);

/** The words of a `retry_on` that Envoy knows; the others are dropped as it drops them. */
export function retryWords(text: string): Set<string> {
  return new Set(
    text
      .split(',')
      .map((word) => word.trim())
      .filter((word) => WORDS.has(word)),
  );
}

export function compileRetryPolicy(reader: MessageReader, ctx: CompileContext): RetryPolicy {
  const retryOn = reader.string('retry_on') ?? '';
  const unknown = retryOn
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '' && !WORDS.has(word));
  if (unknown.length > 0) {
    ctx.report(
      'warning',
      'route.retry-on',
      reader,
      'retry_on',
      `Envoy does not know ${unknown.map((w) => `\`${w}\``).join(', ')} and drops it silently.`,
    );
  }
  const on = retryWords(retryOn);
  const codes = reader.numbers('retriable_status_codes');
  if (codes.length > 0 && !on.has('retriable-status-codes')) {
    ctx.report(
      'warning',
      'route.retriable-status-codes',
      reader,
      'retriable_status_codes',
      'The listed status codes do nothing unless `retry_on` names `retriable-status-codes`.',
    );
  }
  const backOff = reader.message('retry_back_off');
  const baseInterval = backOff?.duration('base_interval') ?? 25;
  const maxInterval = backOff?.duration('max_interval') ?? baseInterval * 10;
  if (backOff !== undefined && maxInterval < baseInterval) {
    ctx.report(
      'error',
      'route.retry-back-off',
      backOff,
      'max_interval',
      'retry_policy.max_interval must greater than or equal to the base_interval',
    );
  }
  return {
    on,
    numRetries: reader.number('num_retries') ?? 1,
    perTryTimeout: reader.duration('per_try_timeout') ?? 0,
    perTryIdleTimeout: reader.duration('per_try_idle_timeout') ?? 0,
    retriableStatusCodes: codes,
    baseInterval,
    maxInterval,
    retriableHeaders: reader.messages('retriable_headers').map((r) => compileHeaderMatcher(r, ctx)),
    retriableRequestHeaders: reader
      .messages('retriable_request_headers')
      .map((r) => compileHeaderMatcher(r, ctx)),
    avoidPreviousHosts: compileHostPredicates(reader, ctx),
    hostSelectionAttempts: reader.number('host_selection_retry_max_attempts') ?? 1,
    rateLimitedBackOff: compileRateLimited(reader),
    source: reader.range,
  };
}

function compileHostPredicates(reader: MessageReader, ctx: CompileContext): boolean {
  let previousHosts = false;
  for (const predicate of reader.messages('retry_host_predicate')) {
    const name = predicate.string('name') ?? '';
    const config = predicate.message('typed_config');
    if (config === undefined) {
      ctx.report(
        'error',
        'route.retry-host-predicate',
        predicate,
        'name',
        `Didn't find a registered implementation for '${name}' with type URL: ''`,
      );
    } else if (config.type.endsWith('.PreviousHostsPredicate')) {
      previousHosts = true;
    } else {
      ctx.report(
        'notice',
        'route.retry-host-predicate',
        predicate,
        'name',
        `The retry host predicate \`${name}\` is accepted, not emulated.`,
      );
    }
  }
  return previousHosts;
}

function compileRateLimited(reader: MessageReader): RateLimitedBackOff | null {
  const rateLimited = reader.message('rate_limited_retry_back_off');
  if (rateLimited === undefined) return null;
  return {
    resetHeaders: rateLimited.messages('reset_headers').map((header) => ({
      name: (header.string('name') ?? '').toLowerCase(),
      unixTimestamp: header.enumeration('format') === 'UNIX_TIMESTAMP',
    })),
    maxInterval: rateLimited.duration('max_interval') ?? 300_000,
  };
}
