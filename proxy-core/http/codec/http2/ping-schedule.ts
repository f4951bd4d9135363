import { type Clock, Timer, type TimerOwner } from '../../../base/clock.ts';
import type { Random } from '../../../base/random.ts';
import type { Http2Keepalive } from './compile.ts';

/** The connection whose peer is asked whether it is there. */
export interface PingOwner {
  sendPing(): void;
  /** No answer in time: the connection is dead. */
  onPingTimeout(): void;
}

const TimerKind = { Next: 0, Answer: 1 } as const;

/** `connection_keepalive` of one connection (envoy ConnectionImpl::sendKeepalive, onKeepaliveResponse). */
export class PingSchedule implements TimerOwner {
  private readonly next = new Timer(this, TimerKind.Next);
  private readonly answer = new Timer(this, TimerKind.Answer);
  private lastReceived: number;

  constructor(
    private readonly config: Http2Keepalive,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly owner: PingOwner,
  ) {
    this.lastReceived = clock.now();
    this.onAck();
  }

  /** The peer answered: the next PING comes after the interval. */
  onAck(): void {
    const { clock, config } = this;
    clock.disarm(this.answer);
    if (config.interval === 0) return;
    const jitter = this.random.next() % (config.jitterPercent + 1);
    clock.arm(this.next, (config.interval * (100 + jitter)) / 100);
  }

  onBytes(): void {
    this.lastReceived = this.clock.now();
  }

  /** A request is to go out: a connection that has been silent for long is asked first. */
  beforeStream(): void {
    const { idleInterval } = this.config;
    if (idleInterval > 0 && this.clock.now() - this.lastReceived > idleInterval) this.ping();
  }

  stop(): void {
    this.clock.disarm(this.next);
    this.clock.disarm(this.answer);
  }

  onTimer(timer: Timer): void {
    if (timer.kind === TimerKind.Next) this.ping();
    else this.owner.onPingTimeout();
  }

  private ping(): void {
    this.clock.arm(this.answer, this.config.timeout);
    this.owner.sendPing();
  }
}
