import type { Clock } from '../../base/clock.ts';
import type { SocketAddress } from '../../base/stream-info.ts';
import type { ProxyTlv } from '../../network/proxy-protocol.ts';

/** What listener filters learn of a connection before its filter chain is chosen. */
export interface Inspection {
  /** `raw_buffer` also when nobody looked. */
  readonly transportProtocol: 'tls' | 'raw_buffer';
  readonly serverName: string;
  readonly applicationProtocols: readonly string[];
}

export const NOT_INSPECTED: Inspection = {
  transportProtocol: 'raw_buffer',
  serverName: '',
  applicationProtocols: [],
};

/** Collects what the filters find, one connection at a time. */
export class Findings implements Inspection {
  transportProtocol: 'tls' | 'raw_buffer' = 'raw_buffer';
  serverName = '';
  applicationProtocols: readonly string[] = [];
  /** Fingerprints of the ClientHello, empty unless they were asked for. */
  ja3 = '';
  ja4 = '';
  /** Of the client and of what it wanted to reach, where a PROXY header tells them. */
  remote: SocketAddress | null = null;
  local: SocketAddress | null = null;
  /** TLVs that go on to the upstream host. */
  tlvs: readonly ProxyTlv[] = [];
  metadata: Map<string, Record<string, unknown>> | null = null;
}

/** A filter waits for more bytes. */
export const NEED_MORE = -1;
/** A filter refuses the connection. */
export const REFUSE = -2;

/** One emulated listener filter. Holds no state of a connection. */
export interface ListenerFilter {
  readonly name: string;
  /** False: it decides without a byte from the client. */
  readonly needsBytes: boolean;
  /**
   * Looks at all bytes that came and were not consumed. Returns how many of them it consumes, `NEED_MORE` or
   * `REFUSE`. Never throws.
   */
  inspect(bytes: Buffer, findings: Findings, clock: Clock): number;
  /** Once per connection, when it has decided. */
  count?(findings: Findings): void;
}

/** `listener_filters`, as far as they are emulated. */
export interface ListenerFilters {
  readonly list: readonly ListenerFilter[];
  readonly tlsInspector: boolean;
  /** Milliseconds, 0 = no limit. */
  readonly timeout: number;
  readonly continueOnTimeout: boolean;
}

/** The filters of one connection, one after the other. Sans IO. */
export class FilterRun {
  readonly findings = new Findings();
  private position = 0;

  constructor(
    private readonly filters: readonly ListenerFilter[],
    private readonly clock: Clock,
  ) {}

  /** `consumed` bytes at the front are taken; `state` is what comes next. */
  advance(bytes: Buffer): { readonly consumed: number; readonly state: 'more' | 'done' | 'refused' } {
    let consumed = 0;
    for (; this.position < this.filters.length; this.position++) {
      const filter = this.filters[this.position] as ListenerFilter;
      const rest = consumed === 0 ? bytes : bytes.subarray(consumed);
      if (filter.needsBytes && rest.length === 0) return { consumed, state: 'more' };
      const result = filter.inspect(rest, this.findings, this.clock);
      if (result === NEED_MORE) return { consumed, state: 'more' };
      filter.count?.(this.findings);
      if (result === REFUSE) return { consumed, state: 'refused' };
      consumed += result;
    }
    return { consumed, state: 'done' };
  }
}
