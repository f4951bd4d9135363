import type { HeaderList } from '../../base/headers.ts';
import type { StreamInfo } from '../../base/stream-info.ts';
import { messageCodec } from '../../config/schema/message-codec.ts';
import { RATE_LIMIT_UNITS, type RateLimitDescriptor } from '../../route/rate-limit-descriptor.ts';
import type { AsyncCall, AsyncClient } from '../async-client/client.ts';
import { type GrpcReply, grpcUnary } from '../async-client/grpc.ts';
import type { RateLimitSettings } from './ratelimit-settings.ts';
import { grpcTarget, latin1OfUtf8, utf8Text } from './service-target.ts';
import { failureText } from './service-watch.ts';

const SERVICE = 'envoy.service.ratelimit.v3.RateLimitService';

/** What the service said. */
export interface RateLimitResult {
  readonly kind: 'ok' | 'over-limit' | 'error';
  readonly statuses: readonly DescriptorStatus[];
  readonly responseHeaders: HeaderList;
  readonly requestHeaders: HeaderList;
  readonly metadata: Readonly<Record<string, unknown>> | null;
  /** latin1 */
  readonly body: string;
  /** Why there is no answer. */
  readonly failure: string;
}

export interface DescriptorStatus {
  /** `DescriptorStatus.Code`: 1 = OK, 2 = over the limit. */
  readonly code: number;
  readonly currentLimit?: {
    readonly name: string;
    readonly requestsPerUnit: number;
    readonly unit: number;
  };
  readonly limitRemaining: number;
  readonly durationUntilReset?: { readonly seconds: bigint };
}

export function askRateLimit(
  client: AsyncClient,
  settings: RateLimitSettings,
  domain: string,
  descriptors: readonly RateLimitDescriptor[],
  info: StreamInfo,
  done: (result: RateLimitResult) => void,
): AsyncCall {
  const bytes = messageCodec('envoy.service.ratelimit.v3.RateLimitRequest').encode({
    domain,
    descriptors: descriptors.map(({ entries, limit }) => ({
      entries: entries.map(({ key, value }) => ({ key, value: utf8Text(value) })),
      ...(limit === null
        ? {}
        : {
            limit: {
              requestsPerUnit: limit.requestsPerUnit,
              unit: RATE_LIMIT_UNITS.indexOf(limit.unit),
            },
          }),
    })),
  });
  const target = grpcTarget(settings.service, SERVICE, 'ShouldRateLimit', info, settings.timeout);
  return grpcUnary(client, target, bytes, (reply) => done(readReply(reply)));
}

interface HeaderValue {
  readonly key: string;
  readonly value: string;
  readonly rawValue: Uint8Array;
}

interface RateLimitResponse {
  readonly overallCode: number;
  readonly statuses: readonly DescriptorStatus[];
  readonly responseHeadersToAdd: readonly HeaderValue[];
  readonly requestHeadersToAdd: readonly HeaderValue[];
  readonly rawBody: Uint8Array;
  readonly dynamicMetadata?: Readonly<Record<string, unknown>>;
}

function failed(failure: string): RateLimitResult {
  return {
    kind: 'error',
    statuses: [],
    responseHeaders: [],
    requestHeaders: [],
    metadata: null,
    body: '',
    failure,
  };
}

function readReply(reply: GrpcReply): RateLimitResult {
  if (reply.bytes === null) {
    const words = reply.message === '' ? '' : `, ${reply.message}`;
    return failed(reply.failure === '' ? `gRPC status ${reply.status}${words}` : failureText(reply.failure));
  }
  let response: RateLimitResponse;
  try {
    response = messageCodec('envoy.service.ratelimit.v3.RateLimitResponse').decode(
      reply.bytes,
    ) as unknown as RateLimitResponse;
  } catch {
    return failed('its answer is no RateLimitResponse');
  }
  return {
    kind: response.overallCode === 2 ? 'over-limit' : 'ok',
    statuses: response.statuses,
    responseHeaders: headerList(response.responseHeadersToAdd),
    requestHeaders: headerList(response.requestHeadersToAdd),
    metadata: response.dynamicMetadata ?? null,
    body: Buffer.from(response.rawBody).toString('latin1'),
    failure: '',
  };
}

const BREAKS = /[\0\r\n]/;

function headerList(values: readonly HeaderValue[]): HeaderList {
  const list: HeaderList = [];
  for (const { key, value, rawValue } of values) {
    const text = rawValue.length > 0 ? Buffer.from(rawValue).toString('latin1') : latin1OfUtf8(value);
    if (key !== '' && !BREAKS.test(key + text)) list.push(latin1OfUtf8(key).toLowerCase(), text);
  }
  return list;
}

/** Seconds of each `RateLimitResponse.RateLimit.Unit` that has a window; the others count for nothing. */
const WINDOWS: Readonly<Record<number, number>> = {
  1: 1,
  2: 60,
  3: 3600,
  4: 86_400,
  5: 2_592_000,
  6: 31_536_000,
  7: 604_800,
};

/**
 * `x-ratelimit-limit`, `-remaining`, `-reset` of the limit with the least left, as the third draft of "RateLimit header
 * fields for HTTP" has them.
 */
export function rateLimitHeaders(statuses: readonly DescriptorStatus[]): HeaderList {
  let least: DescriptorStatus | null = null;
  let quotas = '';
  for (const status of statuses) {
    const limit = status.currentLimit;
    if (limit === undefined) continue;
    if (least === null || status.limitRemaining < least.limitRemaining) least = status;
    const window = WINDOWS[limit.unit];
    if (window === undefined) continue;
    quotas += `, ${limit.requestsPerUnit};w=${window}`;
    if (limit.name !== '') quotas += `;name="${limit.name}"`;
  }
  if (least?.currentLimit === undefined) return [];
  return [
    'x-ratelimit-limit',
    `${least.currentLimit.requestsPerUnit}${quotas}`,
    'x-ratelimit-remaining',
    String(least.limitRemaining),
    'x-ratelimit-reset',
    String(least.durationUntilReset?.seconds ?? 0n),
  ];
}
