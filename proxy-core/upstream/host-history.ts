import type { HostEvent } from '../facade/state.ts';
import type { UpstreamEvent } from './events.ts';

/** Entries that are kept of one host, and hosts that are remembered in one cluster, those that are gone included. */
const MAX_ENTRIES = 100;
const MAX_HOSTS = 2000;

/** What happened to each host of a cluster, by address: bounded, oldest first. Hosts that left stay until there are too many. */
export class HostHistory {
  private readonly byAddress = new Map<string, HostEvent[]>();

  /** `flags`: the host's words of `/clusters` after it. */
  add(event: Omit<UpstreamEvent, 'kind'> & { readonly kind: HostEvent['kind'] }, flags: string): void {
    const entries = this.entriesOf(event.host);
    const { at, kind, tone, text, detector, reason, duration, count } = event;
    entries.push({
      seq: (entries.at(-1)?.seq ?? 0) + 1,
      at,
      kind,
      tone,
      text,
      detector,
      reason,
      duration,
      count,
      manual: detector === 'manual',
      healthFlags: flags,
    });
    if (entries.length > MAX_ENTRIES) entries.shift();
  }

  /** Oldest first. */
  list(address: string): readonly HostEvent[] {
    return [...(this.byAddress.get(address) ?? [])];
  }

  private entriesOf(address: string): HostEvent[] {
    const known = this.byAddress.get(address);
    if (known !== undefined) return known;
    if (this.byAddress.size >= MAX_HOSTS) {
      const [oldest] = this.byAddress.keys();
      if (oldest !== undefined) this.byAddress.delete(oldest);
    }
    const entries: HostEvent[] = [];
    this.byAddress.set(address, entries);
    return entries;
  }
}
