import { connect, type Socket } from 'node:net';
import type { SeededRandom } from '../../proxy-core/base/random.ts';

/** What became of requests, by status or way of ending. */
export type Outcomes = Map<string, number>;

/** Longest wait for anything, milliseconds: every timeout of the configuration is far below. */
const PATIENCE = 10_000;

/** One client connection with a few requests on it; it may abort, reset, half-close, upload, pipeline or send garbage. */
export async function visit(port: number, random: SeededRandom, outcomes: Outcomes): Promise<void> {
  const below = (n: number): number => random.next() % n;
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  const answers = new Answers(socket);
  try {
    for (let requests = 1 + below(5); requests > 0; requests--) {
      const kind = below(8);
      const path = `/${kind}?${'q'.repeat(below(200))}`;
      const body = 'b'.repeat(below(5000));
      const style = below(12);
      if (style === 0) socket.write(`GET ${path} HT`);
      else if (style === 1) socket.write('\x00\xff garbage\r\n\r\n');
      else if (style < 5)
        socket.write(`POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      else if (style === 5) {
        // An upload that never ends.
        socket.write(`POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n${body}`);
      } else socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
      const leave = below(10);
      if (leave === 0 || style === 0 || style === 5) {
        await pause(below(40));
        if (below(2) === 0) socket.resetAndDestroy();
        else socket.destroy();
        count(outcomes, 'left');
        return;
      }
      if (leave === 1) socket.end();
      const outcome = await answers.next(PATIENCE);
      count(outcomes, outcome);
      if (outcome === 'closed' || socket.destroyed || leave === 1) return;
    }
  } finally {
    socket.destroy();
  }
}

/** Reads just enough of HTTP/1 to know where an answer ends. */
class Answers {
  private text = '';
  private closed = false;
  private wake: () => void = () => {};

  constructor(socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => {
      this.text += piece;
      this.wake();
    });
    socket.on('close', () => {
      this.closed = true;
      this.wake();
    });
    socket.on('end', () => {
      this.closed = true;
      this.wake();
    });
  }

  /** A status, `closed`, or `late`. */
  async next(patience: number): Promise<string> {
    const until = performance.now() + patience;
    for (;;) {
      const status = this.take();
      if (status !== null) return status;
      if (this.closed) return 'closed';
      const left = until - performance.now();
      if (left <= 0) return 'late';
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
  }

  private take(): string | null {
    const end = this.text.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const head = this.text.slice(0, end).toLowerCase();
    let whole = end + 4;
    const length = /content-length: (\d+)/.exec(head)?.[1];
    if (length !== undefined) whole += Number(length);
    else if (head.includes('transfer-encoding: chunked')) {
      const last = this.text.indexOf('0\r\n\r\n', whole);
      if (last < 0) return null;
      whole = last + 5;
    } else if (!/^http\/1.1 [12]/.test(head)) return null;
    else if (!this.closed) return null;
    else whole = this.text.length;
    if (this.text.length < whole) return null;
    this.text = this.text.slice(whole);
    return head.slice(9, 12);
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function count(outcomes: Outcomes, what: string): void {
  outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
}
