import type { Socket } from 'node:net';
import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';

/** Reads no more than this before a filter chain is chosen. */
const MAX_EARLY = 68 * 1024;

/** What the owner of a connection without a filter chain wants to know. */
export interface PendingOwner {
  /**
   * More bytes came; all of them so far that were not consumed. Returns how many are consumed. Having called
   * `pending.release` it has got them, and hears nothing more.
   */
  onEarlyBytes(pending: PendingConnection, bytes: Buffer): number;
  onPendingTimeout(pending: PendingConnection): void;
  /** It closed, or sent too much, before anything was decided. `remote`: the client went. */
  onPendingGone(pending: PendingConnection, remote: boolean): void;
}

/** An accepted connection whose first bytes are read before its filter chain, or its TLS, can be known. */
export class PendingConnection implements TimerOwner {
  private bytes: Buffer = Buffer.alloc(0);
  private readonly timer = new Timer(this, 0);
  private settled = false;

  constructor(
    readonly socket: Socket,
    private readonly clock: Clock,
    private readonly owner: PendingOwner,
    /** Milliseconds, 0 = no limit. */
    timeout: number,
  ) {
    socket.on('data', this.onData);
    socket.on('end', this.onRemoteClose);
    socket.on('close', this.onRemoteClose);
    socket.on('error', ignore);
    if (timeout > 0) clock.arm(this.timer, timeout);
    socket.resume();
  }

  /** What came so far and was not consumed. */
  get early(): Buffer {
    return this.bytes;
  }

  private readonly onData = (chunk: Buffer): void => {
    this.bytes = this.bytes.length === 0 ? chunk : Buffer.concat([this.bytes, chunk]);
    const consumed = this.owner.onEarlyBytes(this, this.bytes);
    if (this.settled) return;
    if (consumed > 0) this.bytes = this.bytes.subarray(consumed);
    if (this.bytes.length > MAX_EARLY) this.destroy();
  };

  private readonly onRemoteClose = (): void => {
    this.leave(true);
  };

  private leave(remote: boolean): void {
    if (this.settled) return;
    this.release();
    this.socket.destroy();
    this.owner.onPendingGone(this, remote);
  }

  onTimer(): void {
    if (!this.settled) this.owner.onPendingTimeout(this);
  }

  /** Stops listening: whoever comes next owns the socket. */
  release(): void {
    this.settled = true;
    this.clock.disarm(this.timer);
    this.socket.off('data', this.onData);
    this.socket.off('end', this.onRemoteClose);
    this.socket.off('close', this.onRemoteClose);
    this.socket.pause();
  }

  destroy(): void {
    this.leave(false);
  }
}

function ignore(): void {}
