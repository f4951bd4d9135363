import type { Stats } from '../../base/stats.ts';
import type { MessageReader } from '../../config/reader.ts';
import { compileTokenBucket } from '../../network-filters/token-bucket.ts';
import { type ListenerFilter, REFUSE } from './inspection.ts';

/** `envoy.filters.listener.local_ratelimit`: a token for each accepted socket. */
export function listenerRateLimit(reader: MessageReader, stats: Stats): ListenerFilter {
  const bucket = compileTokenBucket(reader.message('token_bucket'));
  const enabled = reader.message('runtime_enabled')?.bool('default_value') ?? true;
  const prefix = `listener_local_ratelimit.${reader.string('stat_prefix') ?? ''}`;
  const limited = stats.counter(`${prefix}.rate_limited`);
  return {
    name: 'envoy.filters.listener.local_ratelimit',
    needsBytes: false,
    inspect(_bytes, _findings, clock) {
      if (!enabled || bucket.take(clock)) return 0;
      limited.inc();
      return REFUSE;
    },
  };
}
