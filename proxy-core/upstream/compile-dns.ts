import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { DnsConfig, DnsLookupFamily } from './cluster-config.ts';

/** Milliseconds: four tries of five seconds, as c-ares makes them. */
const QUERY_TIMEOUT = 20_000;

/** The DNS fields of a cluster. Questions go to the system's resolver: what is said of another one stays unread, and so becomes a notice. */
export function compileDns(reader: MessageReader, ctx: CompileContext): DnsConfig {
  const failure = reader.message('dns_failure_refresh_rate');
  const base = failure?.duration('base_interval');
  const max = failure?.duration('max_interval');
  if (failure !== undefined && base !== undefined && max !== undefined && max < base) {
    ctx.report(
      'error',
      'cluster.dns-failure-refresh-rate',
      failure,
      'max_interval',
      'dns_failure_refresh_rate must have max_interval greater than or equal to base_interval.',
    );
  }
  return {
    lookupFamily: (reader.enumeration('dns_lookup_family') ?? 'AUTO') as DnsLookupFamily,
    refreshRate: reader.duration('dns_refresh_rate') ?? 5000,
    failureRefreshRate: base === undefined ? null : { base, max: max ?? base * 10 },
    respectTtl: reader.bool('respect_dns_ttl') ?? false,
    minimumRefreshRate: 1000,
    jitter: 0,
    queryTimeout: QUERY_TIMEOUT,
  };
}
