import { CallbackTimer } from '../base/clock.ts';
import type { CoreServices } from '../config/compile-context.ts';
import type { DnsConfig } from '../upstream/cluster-config.ts';
import type { DnsResolver } from './dns-resolver.ts';
import { lookup, timeToLive } from './lookup-family.ts';

/**
 * What became of one resolution. No address at all is an answer too (the name does not exist); a failure means that
 * nobody could be asked.
 */
export type DnsOutcome =
  | { readonly ok: true; readonly addresses: readonly string[] }
  | { readonly ok: false; readonly reason: string; readonly timeout: boolean };

/**
 * Keeps resolving one name: at once, then every `dns_refresh_rate`, or with `respect_dns_ttl` when the answer's time is
 * over. An answer that comes after `close`, or too late, is dropped.
 */
export class DnsSource {
  private readonly timer: CallbackTimer;
  private readonly timeout: CallbackTimer;
  private closed = false;
  private failures = 0;
  /** Number of the question whose answer is awaited. */
  private question = 0;

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
    this.timeout = new CallbackTimer(services.clock, () =>
      this.settle(this.question, { ok: false, reason: 'no answer in time', timeout: true }, null),
    );
  }

  start(): void {
    this.onAttempt();
    const question = ++this.question;
    if (this.config.queryTimeout > 0) this.timeout.arm(this.config.queryTimeout);
    this.ask().then(
      ({ addresses, ttl }) => this.settle(question, { ok: true, addresses }, ttl),
      (error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        this.settle(question, { ok: false, reason, timeout: false }, null);
      },
    );
  }

  close(): void {
    this.closed = true;
    this.timer.disarm();
    this.timeout.disarm();
  }

  private async ask(): Promise<{ addresses: readonly string[]; ttl: number | null }> {
    const { lookupFamily, respectTtl } = this.config;
    const addresses = await lookup(this.resolver, this.name, lookupFamily);
    const ttl =
      respectTtl && addresses.length > 0 ? await timeToLive(this.resolver, this.name, addresses) : null;
    return { addresses, ttl };
  }

  private settle(question: number, outcome: DnsOutcome, ttl: number | null): void {
    if (this.closed || question !== this.question) return;
    this.question++;
    this.timeout.disarm();
    const good = this.onOutcome(outcome);
    this.failures = good ? 0 : this.failures + 1;
    if (!this.closed) this.timer.arm(this.nextDelay(ttl));
  }

  /** Failures wait a random part of a growing interval when `dns_failure_refresh_rate` is set (full jitter). */
  private nextDelay(ttl: number | null): number {
    const { failureRefreshRate, refreshRate, minimumRefreshRate, jitter } = this.config;
    const { random } = this.services;
    if (this.failures === 0 || failureRefreshRate === null) {
      const base = ttl === null ? refreshRate : Math.max(ttl, minimumRefreshRate);
      return base + (jitter > 0 ? random.next() % Math.max(1, Math.floor(jitter)) : 0);
    }
    const ceiling = Math.min(
      failureRefreshRate.max,
      failureRefreshRate.base * 2 ** Math.min(30, this.failures - 1),
    );
    return Math.max(1, random.next() % Math.max(1, Math.floor(ceiling)));
  }
}
