import type { Clock } from '../../base/clock.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import {
  type DescriptorEntry,
  descriptorText,
  type RateLimitDescriptor,
} from '../../route/rate-limit-descriptor.ts';

interface DescriptorBucket {
  readonly entries: readonly DescriptorEntry[];
  readonly key: string;
  readonly bucket: TokenBucket;
}

export interface Taken {
  readonly allowed: boolean;
  /** The bucket that the answer tells of; null when nothing limits. */
  readonly bucket: TokenBucket | null;
}

/** The buckets of one local rate limit: one for all requests, others for those with certain descriptors. */
export class LocalBuckets {
  private readonly byKey: ReadonlyMap<string, DescriptorBucket>;

  constructor(
    private readonly common: TokenBucket | null,
    private readonly own: readonly DescriptorBucket[],
    private readonly alwaysCommon: boolean,
  ) {
    this.byKey = new Map(own.map((each) => [each.key, each]));
  }

  get hasDescriptors(): boolean {
    return this.own.length > 0;
  }

  /** The same limits, all full. */
  copy(): LocalBuckets {
    const { common, own, alwaysCommon } = this;
    return new LocalBuckets(
      common === null ? null : new TokenBucket(common.settings),
      own.map((each) => ({ ...each, bucket: new TokenBucket(each.bucket.settings) })),
      alwaysCommon,
    );
  }

  /** Takes a token of each bucket that the request comes under, the slowest first (Envoy: LocalRateLimiterImpl). */
  take(descriptors: readonly RateLimitDescriptor[], clock: Clock): Taken {
    const matched = this.matching(descriptors);
    for (const bucket of matched) if (!bucket.take(clock)) return { allowed: false, bucket };
    const { common } = this;
    const first = matched[0] ?? common;
    if (common !== null && (matched.length === 0 || this.alwaysCommon)) {
      return common.take(clock) ? { allowed: true, bucket: first } : { allowed: false, bucket: common };
    }
    return { allowed: true, bucket: first };
  }

  private matching(descriptors: readonly RateLimitDescriptor[]): TokenBucket[] {
    const matched: TokenBucket[] = [];
    for (const { entries } of descriptors) {
      const found = this.byKey.get(keyOf(entries));
      if (found !== undefined) matched.push(found.bucket);
    }
    return matched.sort((a, b) => rateOf(a) - rateOf(b));
  }

  /** What is left, for people; empty when nothing limits. */
  describe(descriptors: readonly RateLimitDescriptor[]): string {
    const left = (bucket: TokenBucket): string =>
      `${bucket.remaining} of ${bucket.settings.maxTokens} tokens left`;
    const matched = this.matching(descriptors);
    const parts = this.own
      .filter(({ bucket }) => matched.includes(bucket))
      .map(({ entries, bucket }) => `${left(bucket)} for ${descriptorText({ entries, limit: null })}`);
    if (this.common !== null && (parts.length === 0 || this.alwaysCommon)) parts.push(left(this.common));
    return parts.join(', ');
  }
}

/** Tokens per millisecond. */
function rateOf({ settings }: TokenBucket): number {
  return settings.tokensPerFill / settings.fillInterval;
}

function keyOf(entries: readonly DescriptorEntry[]): string {
  return entries.map(({ key, value }) => `${key}\0${value}`).join('\0');
}

export function compileLocalBuckets(
  reader: MessageReader,
  ctx: CompileContext,
  ofRoute: boolean,
): LocalBuckets {
  const common = reader.message('token_bucket');
  if (common === undefined && ofRoute) {
    const message = 'local rate limit token bucket must be set for per filter configs';
    ctx.report('error', 'filter.local-rate-limit', reader, '', message);
  }
  const seen = new Set<string>();
  const own = reader.messages('descriptors').map((descriptor) => {
    const entries = descriptor.messages('entries').map((entry) => ({
      key: entry.string('key') ?? '',
      value: entry.string('value') ?? '',
    }));
    const key = keyOf(entries);
    if (seen.has(key)) {
      const message = 'duplicate descriptor in the local rate descriptor';
      ctx.report('error', 'filter.local-rate-limit', descriptor, '', message);
    }
    seen.add(key);
    const bucket = compileBucket(
      descriptor.message('token_bucket') ?? descriptor,
      ctx,
      'local rate limit descriptor',
    );
    return { entries, key, bucket };
  });
  return new LocalBuckets(
    common === undefined ? null : compileBucket(common, ctx, 'local rate limit'),
    own,
    reader.bool('always_consume_default_token_bucket') ?? true,
  );
}

function compileBucket(reader: MessageReader, ctx: CompileContext, what: string): TokenBucket {
  const fillInterval = reader.duration('fill_interval') ?? 0;
  if (fillInterval < 50) {
    const message = `${what} token bucket fill timer must be >= 50ms`;
    ctx.report('error', 'filter.local-rate-limit', reader, 'fill_interval', message);
  }
  return new TokenBucket({
    maxTokens: reader.number('max_tokens') ?? 0,
    tokensPerFill: reader.number('tokens_per_fill') ?? 1,
    fillInterval: Math.max(1, fillInterval),
  });
}
