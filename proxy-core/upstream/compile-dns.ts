import { isIP } from 'node:net';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { DnsServers } from '../discovery/server-resolver.ts';
import type { DnsConfig, DnsLookupFamily } from './cluster-config.ts';

/** c-ares makes four tries of five seconds. */
const TRY_TIMEOUT = 5000;
const TRIES = 4;

const CARES = 'envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig';

/** The DNS fields of a cluster. */
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
    queryTimeout: TRY_TIMEOUT * TRIES,
    servers: compileServers(reader),
  };
}

/**
 * The name servers of `typed_dns_resolver_config` (c-ares), else of the deprecated fields; null = the system's resolver.
 * How questions are asked otherwise (TCP, search domains, other resolvers) stays unread, and so becomes a notice.
 */
export function compileServers(reader: MessageReader): DnsServers | null {
  const field = reader.node.fields.get('typed_dns_resolver_config')?.value;
  let list: MessageReader[];
  if (field?.kind === 'message') {
    const config = field.fields.get('typed_config')?.value;
    if (config?.kind !== 'message' || config.type !== CARES) return null;
    const typed = reader.message('typed_dns_resolver_config');
    typed?.acknowledge('name');
    list = typed?.message('typed_config')?.messages('resolvers') ?? [];
  } else if (reader.has('dns_resolution_config')) {
    list = reader.message('dns_resolution_config')?.messages('resolvers') ?? [];
  } else if (reader.type === 'envoy.config.cluster.v3.Cluster') {
    list = reader.messages('dns_resolvers');
  } else list = [];
  const addresses = list.flatMap((address) => serverOf(address.message('socket_address')));
  return addresses.length === 0 ? null : { addresses, timeout: TRY_TIMEOUT, tries: TRIES };
}

function serverOf(socket: MessageReader | undefined): string[] {
  socket?.acknowledge('protocol');
  const ip = socket?.string('address') ?? '';
  const port = socket?.number('port_value') ?? 53;
  const version = isIP(ip);
  if (version === 0) return [];
  return [version === 6 ? `[${ip}]:${port}` : `${ip}:${port}`];
}
