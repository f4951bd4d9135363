import { canonicalJson } from '../base/subset-criteria.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import { compileHeaderMatcher } from './header-matcher.ts';
import type { RateLimitedBackOff, RetryPolicy } from './types.ts';

export const HTTP_RETRY_WORDS: ReadonlySet<string> = new Set([
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
]);

export const GRPC_RETRY_WORDS: ReadonlySet<string> = new Set([
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
]);

const WORDS: ReadonlySet<string> = new Set([...HTTP_RETRY_WORDS, ...GRPC_RETRY_WORDS]);

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
    hostPredicates: compileHostPredicates(reader, ctx),
    priority: compileRetryPriority(reader, ctx),
    hostSelectionAttempts: reader.number('host_selection_retry_max_attempts') ?? 1,
    rateLimitedBackOff: compileRateLimited(reader),
    source: reader.range,
  };
}

/** One of `retry_host_predicate`. */
export type HostPredicate =
  | { readonly kind: 'previous-hosts' }
  | { readonly kind: 'omit-canary-hosts' }
  /** Values are canonical JSON. */
  | {
      readonly kind: 'omit-host-metadata';
      readonly criteria: readonly { readonly key: string; readonly value: string }[];
    };

/** `retry_priority: previous_priorities`: after so many tries the priorities that were tried get no load. */
export interface RetryPriority {
  readonly updateFrequency: number;
}

const HOST = 'envoy.extensions.retry.host.';
const PRIORITY = 'envoy.extensions.retry.priority.';

function compileHostPredicates(reader: MessageReader, ctx: CompileContext): HostPredicate[] {
  const predicates: HostPredicate[] = [];
  for (const predicate of reader.messages('retry_host_predicate')) {
    const name = predicate.string('name') ?? '';
    const config = predicate.message('typed_config');
    switch (config?.type) {
      case `${HOST}previous_hosts.v3.PreviousHostsPredicate`:
        predicates.push({ kind: 'previous-hosts' });
        break;
      case `${HOST}omit_canary_hosts.v3.OmitCanaryHostsPredicate`:
        predicates.push({ kind: 'omit-canary-hosts' });
        break;
      case `${HOST}omit_host_metadata.v3.OmitHostMetadataConfig`: {
        const wanted = config.message('metadata_match')?.jsonMap('filter_metadata').get('envoy.lb');
        const entries = typeof wanted === 'object' && wanted !== null ? Object.entries(wanted) : [];
        const criteria = entries.map(([key, value]) => ({ key, value: canonicalJson(value) }));
        predicates.push({ kind: 'omit-host-metadata', criteria });
        break;
      }
      default:
        unregistered(predicate, name, config, ctx);
        break;
    }
  }
  return predicates;
}

function compileRetryPriority(reader: MessageReader, ctx: CompileContext): RetryPriority | null {
  const priority = reader.message('retry_priority');
  if (priority === undefined) return null;
  const config = priority.message('typed_config');
  if (config?.type === `${PRIORITY}previous_priorities.v3.PreviousPrioritiesConfig`) {
    return { updateFrequency: config.number('update_frequency') ?? 0 };
  }
  unregistered(priority, priority.string('name') ?? '', config, ctx);
  return null;
}

function unregistered(
  reader: MessageReader,
  name: string,
  config: MessageReader | undefined,
  ctx: CompileContext,
): void {
  ctx.report(
    'error',
    'route.retry-extension',
    reader,
    'name',
    `Didn't find a registered implementation for '${name}' with type URL: '${config?.type ?? ''}'`,
  );
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
