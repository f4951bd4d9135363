import { CheckConnection, type CheckConnectionOwner } from './check-connection.ts';
import type { CheckClientSettings } from './client.ts';
import type { TcpCheck } from './config.ts';
import { matchesPayload } from './payload.ts';
import { failure, type Probe, type ProbeSink } from './probe.ts';
import { proxyProtocolHeader } from './proxy-protocol.ts';

/** What a host sends without a match is looked at up to here, bytes. */
const MAX_ANSWER = 1024 * 1024;

/** A TCP check of one host (envoy TcpHealthCheckerImpl): connect only, or bytes sent and bytes expected. */
export class TcpProbe implements Probe, CheckConnectionOwner {
  private connection: CheckConnection | null = null;
  private asking = false;
  private received: Buffer = NOTHING;

  constructor(
    private readonly check: TcpCheck,
    private readonly settings: CheckClientSettings,
    private readonly reuse: boolean,
    private readonly sink: ProbeSink,
  ) {}

  start(): void {
    this.asking = true;
    const { connection } = this;
    if (connection === null) {
      const { target, alpn, tls, stats, queue } = this.settings;
      this.connection = new CheckConnection(target, 'HTTP1', alpn, tls, stats, queue, this);
    } else this.ask(connection);
  }

  cancel(): void {
    this.close();
  }

  close(): void {
    this.asking = false;
    this.received = NOTHING;
    const { connection } = this;
    this.connection = null;
    connection?.close();
  }

  private ask(connection: CheckConnection): void {
    const { proxyProtocol, send } = this.check;
    if (proxyProtocol !== null) {
      const header = proxyProtocolHeader(proxyProtocol, connection.socket);
      connection.transport.writeBytes(header, 0, header.length);
    }
    if (send !== null) connection.transport.writeBytes(send, 0, send.length);
  }

  // CheckConnectionOwner

  onConnected(): void {
    const { connection } = this;
    if (connection === null) return;
    if (this.check.receive.length > 0) {
      this.ask(connection);
      return;
    }
    this.close();
    this.sink({ kind: 'success', degraded: false, answer: 'connected' });
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    if (!this.asking) return;
    this.received = Buffer.concat([this.received, bytes.subarray(start, end)]);
    if (matchesPayload(this.check.receive, this.received)) {
      this.asking = false;
      this.received = NOTHING;
      if (!this.reuse) this.close();
      this.sink({ kind: 'success', degraded: false, answer: 'the expected bytes came' });
    } else if (this.received.length > MAX_ANSWER) {
      this.onClose(`more than ${MAX_ANSWER} bytes without the expected ones`);
    }
  }

  onEnd(): void {
    this.onClose('');
  }

  onDrain(): void {}

  onClose(reason: string): void {
    const { asking } = this;
    this.close();
    const why = reason === '' ? 'the host closed the connection' : reason;
    // Also between two checks, as in Envoy: a connection that a check holds open must stay.
    this.sink(failure('NETWORK', asking ? why : `${why} between two checks`));
  }
}

const NOTHING = Buffer.alloc(0);
