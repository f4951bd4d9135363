import { isIP } from 'node:net';
import { CallbackTimer } from '../../base/clock.ts';
import { headerValue } from '../../base/headers.ts';
import type { Narrator } from '../../facade/decision.ts';
import type { ResolvedEndpoint, UpstreamCluster } from '../cluster.ts';
import type { EndpointSource, SourceEnvironment } from '../endpoint-source.ts';
import { formatAddress, type UpstreamHost } from '../host.ts';
import type { LoadBalancerContext } from '../types.ts';
import type { OriginalDstConfig } from './config.ts';
import { NO_LOCALITY, NO_METADATA } from './dynamic-forward-proxy.ts';
import type { ProvidedBalancer } from './provided.ts';

interface Destination {
  readonly ip: string;
  readonly port: number;
}

interface Known {
  readonly host: UpstreamHost;
  used: boolean;
}

/**
 * ORIGINAL_DST: a request goes where filter state, metadata or a header says, else where its connection went before it was
 * redirected to the listener. Each destination becomes a host, and goes again when nobody used it for a while.
 */
export class OriginalDestination implements EndpointSource, ProvidedBalancer {
  readonly ready = Promise.resolve();
  private known = new Map<string, Known>();
  private readonly cleanup: CallbackTimer;
  private closed = false;

  constructor(
    private readonly cluster: UpstreamCluster,
    private readonly config: OriginalDstConfig,
    environment: SourceEnvironment,
  ) {
    this.cleanup = new CallbackTimer(environment.services.clock, () => this.dropUnused());
  }

  start(): void {
    this.cluster.setEndpoints([]);
  }

  close(): void {
    this.closed = true;
    this.cleanup.disarm();
  }

  choose(context: LoadBalancerContext): UpstreamHost | null {
    const destination = this.destination(context, null);
    if (destination === null) return null;
    const address = formatAddress(destination.ip, destination.port);
    const known = this.known.get(address);
    if (known === undefined) return this.add(address, destination);
    known.used = true;
    return known.host;
  }

  explain(context: LoadBalancerContext, narrator: Narrator): UpstreamHost | null {
    const destination = this.destination(context, narrator);
    if (destination === null) return null;
    const address = formatAddress(destination.ip, destination.port);
    const host = this.known.get(address)?.host ?? null;
    if (host === null) narrator.note('neutral', `${address} becomes a host with its first request.`, null);
    return host;
  }

  private add(address: string, destination: Destination): UpstreamHost | null {
    if (this.closed) return null;
    const hosts = [...this.known.values()].map(({ host }) => endpointOf(this.cluster, host));
    this.cluster.setEndpoints([...hosts, endpointOf(this.cluster, destination)]);
    const host = this.cluster.hosts.find((each) => each.address === address);
    if (host === undefined) return null;
    this.known.set(address, { host, used: true });
    if (!this.cleanup.armed) this.cleanup.arm(this.config.cleanupInterval);
    return host;
  }

  private dropUnused(): void {
    const kept = [...this.known].filter(([, each]) => each.used || each.host.stats.rqActive > 0);
    if (kept.length < this.known.size) {
      this.known = new Map(kept);
      this.cluster.setEndpoints(kept.map(([, { host }]) => endpointOf(this.cluster, host)));
    }
    for (const [, each] of kept) each.used = false;
    if (kept.length > 0) this.cleanup.arm(this.config.cleanupInterval);
  }

  private destination(context: LoadBalancerContext, narrator: Narrator | null): Destination | null {
    const asked =
      fromFilterState(context, narrator) ??
      this.fromMetadata(context, narrator) ??
      this.fromHeader(context, narrator);
    const found = asked ?? context.info?.connection.originalDestination ?? null;
    if (found === null) {
      narrator?.note('bad', 'The connection has no original destination, and nothing else names one.', null);
      return null;
    }
    if (asked === null) {
      narrator?.note('neutral', `The connection went to ${formatAddress(found.ip, found.port)}.`, null);
    }
    return this.config.port === 0 ? found : { ip: found.ip, port: this.config.port };
  }

  private fromHeader(context: LoadBalancerContext, narrator: Narrator | null): Destination | null {
    const { header } = this.config;
    const text =
      header === '' || context.head == null ? undefined : headerValue(context.head.headers, header);
    return text === undefined ? null : this.parsed(text, `header \`${header}\``, narrator);
  }

  private fromMetadata(context: LoadBalancerContext, narrator: Narrator | null): Destination | null {
    const { metadataNamespace, metadataPath } = this.config;
    if (metadataNamespace === '') return null;
    let value: unknown = context.info?.dynamicMetadata?.get(metadataNamespace);
    for (const key of metadataPath) {
      if (typeof value !== 'object' || value === null) return null;
      value = (value as Record<string, unknown>)[key];
    }
    return typeof value === 'string'
      ? this.parsed(value, `metadata \`${metadataNamespace}\``, narrator)
      : null;
  }

  private parsed(text: string, from: string, narrator: Narrator | null): Destination | null {
    const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text.trim());
    const ip = match?.[1] ?? match?.[2] ?? '';
    const port = Number(match?.[3] ?? -1);
    if (isIP(ip) === 0 || port < 0 || port > 65535) {
      if (narrator === null) this.cluster.stats.originalDstHostInvalid.inc();
      narrator?.note('bad', `${from} says \`${text}\`, which is no address with a port.`, null);
      return null;
    }
    narrator?.note('neutral', `${from} says \`${text}\`.`, null);
    return { ip, port };
  }
}

function endpointOf(cluster: UpstreamCluster, { ip, port }: Destination): ResolvedEndpoint {
  const hostname = cluster.name + formatAddress(ip, port);
  return {
    ip,
    port,
    hostname,
    endpoint: {
      address: ip,
      port,
      hostname,
      weight: 1,
      priority: 0,
      locality: NO_LOCALITY,
      health: 'HEALTHY',
      metadata: NO_METADATA,
      additionalAddresses: [],
      source: cluster.config.source,
    },
  };
}

const FILTER_STATE_KEY = 'envoy.network.transport_socket.original_dst_address';

/** An address that a filter has stored for the request; any object of another kind is passed over. */
function fromFilterState(context: LoadBalancerContext, narrator: Narrator | null): Destination | null {
  const fields = context.info?.filterState?.get(FILTER_STATE_KEY)?.fields;
  const ip = fields?.get('ip');
  const port = fields?.get('port');
  if (ip === undefined || port === undefined) return null;
  narrator?.note(
    'neutral',
    `Filter state \`${FILTER_STATE_KEY}\` says ${formatAddress(ip, Number(port))}.`,
    null,
  );
  return { ip, port: Number(port) };
}
