import type { CoreServices } from '../config/compile-context.ts';
import type { HostEvent } from '../facade/state.ts';
import { type UpstreamEvent, type UpstreamEventSink, upstreamEvent } from './events.ts';
import { healthFlagWords, type UpstreamHost } from './host.ts';
import { HostHistory } from './host-history.ts';

type Story = Pick<HostEvent, 'kind' | 'tone' | 'text'> &
  Partial<Pick<HostEvent, 'detector' | 'reason' | 'duration' | 'count'>>;

/** Tells of the hosts of one cluster: everything to the history, what matters to all to the list of events as well. */
export class HostNews {
  readonly history = new HostHistory();

  constructor(
    private readonly clusterName: string,
    private readonly services: CoreServices,
    private readonly onEvent: UpstreamEventSink,
  ) {}

  /** An event that everybody hears of. */
  announce(host: UpstreamHost, event: UpstreamEvent): void {
    this.history.add(event, healthFlagWords(host.healthFlags));
    this.onEvent(event);
  }

  /** For the history of the host alone. */
  note(host: UpstreamHost, story: Story): void {
    const { kind, ...rest } = story;
    const event = upstreamEvent({
      ...rest,
      kind: 'host-health',
      at: this.services.clock.wall(),
      cluster: this.clusterName,
      host: host.address,
    });
    this.history.add({ ...event, kind }, healthFlagWords(host.healthFlags));
  }

  joined(host: UpstreamHost): void {
    const text = `${host.address} joined ${this.clusterName}.`;
    this.note(host, { kind: 'host-added', tone: 'note', text });
  }

  left(host: UpstreamHost): void {
    const text = `${host.address} left ${this.clusterName}: its endpoints name it no longer.`;
    this.note(host, { kind: 'host-removed', tone: 'note', text });
  }

  /** Its endpoint gives it another weight, locality or health. */
  changed(host: UpstreamHost): void {
    const flags = healthFlagWords(host.healthFlags);
    const text = `The endpoint of ${host.address} in ${this.clusterName} changed: weight ${host.weight}, \`${flags}\`.`;
    this.note(host, { kind: 'host-endpoint', tone: 'note', text });
  }

  /** `ignore_health_on_host_removal` is not set. */
  stays(host: UpstreamHost): void {
    const text = `${host.address} is no longer named by the endpoints of ${this.clusterName} and stays while its health check passes.`;
    this.note(host, { kind: 'host-endpoint', tone: 'warn', text });
  }

  /** Builds an event about a host and announces it. */
  tell(host: UpstreamHost, story: Omit<Story, 'kind'> & Pick<UpstreamEvent, 'kind'>): void {
    this.announce(
      host,
      upstreamEvent({
        ...story,
        at: this.services.clock.wall(),
        cluster: this.clusterName,
        host: host.address,
      }),
    );
  }
}
