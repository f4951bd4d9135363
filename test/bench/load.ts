/**
 * A load generator on raw sockets: N keep-alive connections, one request in flight on each, for a number of
 * seconds; with `--rate` it sends on a schedule and counts lateness as latency (no coordinated omission).
 * Prints one JSON line: requests, seconds, bytes, bad answers, p50 and p99 in milliseconds.
 */
import { connect, type Socket } from 'node:net';

const args = new Map<string, string>();
for (let i = 2; i < process.argv.length; i += 2)
  args.set(String(process.argv[i]), String(process.argv[i + 1]));
const port = Number(args.get('--port'));
const connections = Number(args.get('--connections') ?? 32);
const seconds = Number(args.get('--seconds') ?? 4);
const rate = Number(args.get('--rate') ?? 0);
const path = args.get('--path') ?? '/inventory/1';
const request = `GET ${path} HTTP/1.1\r\nhost: bench.local\r\nuser-agent: bench\r\naccept: */*\r\n\r\n`;

/** Latencies in 10 µs steps up to 10 s. */
const histogram = new Uint32Array(1_000_000);
let done = 0;
let bad = 0;
let bytes = 0;
const started = performance.now();
const until = started + seconds * 1000;

function record(milliseconds: number): void {
  const slot = Math.min(histogram.length - 1, Math.floor(milliseconds * 100));
  histogram[slot] = (histogram[slot] as number) + 1;
}

function quantile(q: number): number {
  let left = Math.ceil(done * q);
  for (let i = 0; i < histogram.length; i++) {
    left -= histogram[i] as number;
    if (left <= 0) return i / 100;
  }
  return histogram.length / 100;
}

const interval = rate > 0 ? (connections * 1000) / rate : 0;
let open = connections;

function run(index: number): void {
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let due = started + (interval * index) / connections;
  let sentAt = 0;
  /** Body bytes still to come; -1 while the head is read. */
  let left = -1;
  let head = '';
  const send = (): void => {
    const now = performance.now();
    if (now >= until) {
      socket.destroy();
      return;
    }
    if (interval > 0 && now < due) {
      setTimeout(send, due - now);
      return;
    }
    sentAt = interval > 0 ? due : now;
    due += interval;
    socket.write(request, 'latin1');
  };
  const finish = (): void => {
    record(performance.now() - sentAt);
    done++;
    left = -1;
    head = '';
    send();
  };
  socket.on('connect', send);
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (left >= 0) {
      left -= chunk.length;
      if (left <= 0) finish();
      return;
    }
    head += chunk.toString('latin1', 0, Math.min(chunk.length, 16_384));
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    if (!head.startsWith('HTTP/1.1 200')) bad++;
    const length = /content-length: (\d+)/i.exec(head)?.[1];
    left = Number(length ?? 0) - (chunk.length - end - 4);
    if (left <= 0) finish();
  });
  const closed = (): void => {
    if (performance.now() < until) bad++;
    if (--open === 0) report();
  };
  socket.on('error', () => {});
  socket.on('close', closed);
}

function report(): void {
  const elapsed = (performance.now() - started) / 1000;
  console.log(
    JSON.stringify({ requests: done, seconds: elapsed, bytes, bad, p50: quantile(0.5), p99: quantile(0.99) }),
  );
  process.exit(0);
}

for (let i = 0; i < connections; i++) run(i);
setTimeout(report, seconds * 1000 + 2000).unref();
