import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type ConnectTarget, connectPlain } from '../../network/connect.ts';
import type { FlushQueue } from '../../network/flush-queue.ts';
import { readInto } from '../../network/read-buffer.ts';
import type { ClientTls } from '../../network/tls/client.ts';
import { SocketTransport, type TransportOwner } from '../../network/transport.ts';
import { errorText } from '../pool/connect-error.ts';
import type { ClusterStats } from '../types.ts';

export interface CheckConnectionOwner {
  onConnected(): void;
  onBytes(bytes: Buffer, start: number, end: number): void;
  /** The peer sent FIN. */
  onEnd(): void;
  onDrain(): void;
  /** The last call. Empty for an orderly close; else what failed, for people. */
  onClose(reason: string): void;
}

/** A connection of a health check: outside of the pools, of their limits and of their counts, as in Envoy. */
export class CheckConnection implements TransportOwner {
  readonly transport: SocketTransport;
  closed = false;
  private connected = false;

  constructor(
    target: ConnectTarget,
    protocol: 'HTTP1' | 'HTTP2',
    alpn: readonly string[],
    private readonly tls: ClientTls | null,
    private readonly stats: ClusterStats,
    queue: FlushQueue,
    private readonly owner: CheckConnectionOwner,
  ) {
    this.transport = new SocketTransport(
      (read) => {
        const onread = readInto(read);
        if (tls !== null) return tls.connect(target, protocol, onread, alpn);
        return connectPlain(target, null, onread);
      },
      this,
      queue,
    );
    this.socket.once(tls === null ? 'connect' : 'secureConnect', () => {
      queue.enter();
      try {
        this.onConnect();
      } catch (error) {
        queue.onDefect(error);
        this.close();
      } finally {
        queue.leave();
      }
    });
  }

  get socket(): Socket {
    return this.transport.socket;
  }

  /** Closes without another call to the owner. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.transport.destroy();
  }

  private onConnect(): void {
    if (this.closed) return;
    if (this.tls !== null) {
      const refusal = this.tls.verify(this.socket as TLSSocket, this.stats.ssl);
      if (refusal !== '') {
        this.transport.destroyBecause(refusal);
        return;
      }
    }
    this.connected = true;
    this.owner.onConnected();
  }

  private failureText(error: string): string {
    if (error === '') return '';
    const duringHandshake = this.tls !== null && !this.connected;
    const said = duringHandshake ? (this.tls?.failure(error, this.stats.ssl) ?? error) : error;
    return said.startsWith('TLS_error') ? said : errorText(said).toLowerCase();
  }

  // TransportOwner

  onBytes(bytes: Buffer, start: number, end: number): void {
    if (!this.closed) this.owner.onBytes(bytes, start, end);
  }

  onEnd(): void {
    if (!this.closed) this.owner.onEnd();
  }

  onDrain(): void {
    if (!this.closed) this.owner.onDrain();
  }

  onClose(error: string): void {
    if (this.closed) return;
    this.closed = true;
    this.owner.onClose(this.failureText(error));
  }
}
