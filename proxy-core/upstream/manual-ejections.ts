import type { CoreServices } from '../config/compile-context.ts';
import { HealthFlag, type UpstreamHost } from './host.ts';
import { leaveFailedHost } from './host-connections.ts';
import type { HostNews } from './host-news.ts';
import type { OutlierDetector } from './outlier/detector.ts';

/**
 * Hosts that somebody takes out by hand, and takes back. Not Envoy's: it has a flag and statistics of its own, and
 * outlier detection with its cap and its counts goes on as if nothing had happened.
 */
export class ManualEjections {
  constructor(
    private readonly services: CoreServices,
    private readonly statPrefix: string,
    private readonly clusterName: string,
    private readonly news: HostNews,
    private readonly detector: OutlierDetector | null,
    private readonly onHealthChange: () => void,
  ) {}

  /** Takes the host out until `uneject`; false when it is out by hand already. */
  eject(host: UpstreamHost): boolean {
    if (host.has(HealthFlag.ejectedManually)) return false;
    const { stats } = this.services;
    host.set(HealthFlag.ejectedManually);
    stats.counter(`${this.statPrefix}manual_ejections_total`).inc();
    stats.gauge(`${this.statPrefix}manual_ejections_active`).inc();
    this.onHealthChange();
    leaveFailedHost(host);
    this.news.tell(host, {
      kind: 'host-ejected',
      tone: 'eject',
      text: `${host.address} of ${this.clusterName} was ejected by hand: it gets no traffic until it is taken back.`,
      detector: 'manual',
      reason: 'ejected by hand',
    });
    return true;
  }

  /** Takes the host back, whether it was ejected by hand or by outlier detection; false when it was not ejected. */
  uneject(host: UpstreamHost): boolean {
    const detected = this.detector?.unejectManually(host) ?? false;
    if (!host.has(HealthFlag.ejectedManually)) return detected;
    this.release(host);
    this.onHealthChange();
    this.news.tell(host, {
      kind: 'host-returned',
      tone: 'ok',
      text: `${host.address} of ${this.clusterName} was taken back by hand.`,
      detector: 'manual',
      reason: 'taken back by hand',
    });
    return true;
  }

  /** The host leaves the cluster. */
  forget(host: UpstreamHost): void {
    if (host.has(HealthFlag.ejectedManually)) this.release(host);
  }

  private release(host: UpstreamHost): void {
    host.clear(HealthFlag.ejectedManually);
    this.services.stats.gauge(`${this.statPrefix}manual_ejections_active`).dec();
  }
}
