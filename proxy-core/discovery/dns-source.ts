import { CallbackTimer } from '../base/clock.ts';
import type { CoreServices } from '../config/compile-context.ts';
import type { DnsConfig } from '../upstream/cluster-config.ts';
import type { DnsResolver } from './dns-resolver.ts';
import { lookup } from './lookup-family.ts';

/**
 * What became of one resolution. No address at all is an answer too (the name does not exist); a failure means that
 * nobody could be asked.
 */
export type DnsOutcome =
  | { readonly ok: true; readonly addresses: readonly string[] }
  | { readonly ok: false; readonly reason: string };

/** Keeps resolving one name: at once, then every `dns_refresh_rate`. An answer that comes after `close` is dropped. */
export class DnsSource {
  private readonly timer: CallbackTimer;
  private closed = false;
  private failures = 0;

  constructor(
    readonly name: string,
    private readonly config: DnsConfig,
    private readonly services: CoreServices,
    private readonly resolver: DnsResolver,
    private readonly onAttempt: () => void,
    /** Says whether it could be used; if not, the next try comes at the failure rate. */
    private readonly onOutcome: (outcome: DnsOutcome) => boolean,
  ) {
    this.timer = new CallbackTimer(services.clock, () => this.start());
  }

  start(): void {
    this.onAttempt();
    lookup(this.resolver, this.name, this.config.lookupFamily).then(
      (addresses) => this.settle({ ok: true, addresses }),
      (error: unknown) =>
        this.settle({ ok: false, reason: error instanceof Error ? error.message : String(error) }),
    );
  }

  close(): void {
    this.closed = true;
    this.timer.disarm();
  }

  private settle(outcome: DnsOutcome): void {
    if (this.closed) return;
    const good = this.onOutcome(outcome);
    this.failures = good ? 0 : this.failures + 1;
    if (!this.closed) this.timer.arm(this.nextDelay());
  }

  /** Failures wait a random part of a growing interval when `dns_failure_refresh_rate` is set (full jitter). */
  private nextDelay(): number {
    const { failureRefreshRate, refreshRate } = this.config;
    if (this.failures === 0 || failureRefreshRate === null) return refreshRate;
    const ceiling = Math.min(
      failureRefreshRate.max,
      failureRefreshRate.base * 2 ** Math.min(30, this.failures - 1),
    );
    return Math.max(1, this.services.random.next() % Math.max(1, Math.floor(ceiling)));
  }
}
