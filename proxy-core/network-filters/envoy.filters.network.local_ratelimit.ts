import { addFlag } from '../base/stream-info.ts';
import { compileRuntimeFlag, flagEnabled } from '../http/filters/runtime-flag.ts';
import type { NetworkFilterExtension } from './extension.ts';
import { compileTokenBucket } from './token-bucket.ts';

/** `envoy.filters.network.local_ratelimit`: a token for each connection. */
export const LOCAL_RATE_LIMIT: NetworkFilterExtension = {
  type: 'envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit',
  compile(name, config, ctx, { stats }) {
    const bucketReader = config.message('token_bucket');
    if (bucketReader !== undefined && (bucketReader.duration('fill_interval') ?? 50) < 50) {
      const message = 'local rate limit token bucket fill timer must be >= 50ms';
      ctx.report('error', 'filter.local-rate-limit', bucketReader, 'fill_interval', message);
    }
    const bucket = compileTokenBucket(bucketReader);
    const enabled = compileRuntimeFlag(config.message('runtime_enabled'));
    const limited = stats.counter(`local_rate_limit.${config.string('stat_prefix') ?? ''}.rate_limited`);
    return {
      kind: 'filter',
      name,
      source: config.range,
      create: (connection) => ({
        onNewConnection() {
          const { path, snapshot, account } = connection;
          if (!flagEnabled(enabled, snapshot.runtime) || bucket.take(path.services.clock)) return 'continue';
          limited.inc();
          // Envoy's choice of flag.
          addFlag(account, 'URX');
          connection.close('abort');
          return 'stop';
        },
      }),
    };
  },
};
