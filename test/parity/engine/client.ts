import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Exchange } from './case.ts';
import { type Body, type Framing, framingOf, Inbox, readBody, readHead } from './http1-message.ts';

export interface Response {
  /** `HTTP/1.1 200 OK`, empty when none came. */
  statusLine: string;
  lines: string[];
  body: Body;
  /** Heads that came before the final one. */
  interim: string[];
  /** How the wait ended when it was not by a complete answer. */
  end: '' | 'closed' | 'reset' | 'silence';
}

/** One client connection of a case, on which steps send and read. */
export class Connection {
  readonly inbox = new Inbox();
  /** Set when the connection never came up: the reason. */
  refused = '';
  /** What TLS settled on. */
  tls: { protocol: string; alpn: string | false; subject: string } | null = null;

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.inbox.push(bytes));
    socket.on('end', () => this.inbox.end('closed'));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.refused ||= error.code ?? error.message;
      this.inbox.end('reset');
    });
    socket.on('close', () => this.inbox.end('reset'));
  }

  static async open(port: number, exchange: Exchange, certificates: string): Promise<Connection> {
    const target = {
      port,
      host: '127.0.0.1',
      allowHalfOpen: true,
      ...(exchange.from ? { localAddress: exchange.from } : {}),
    };
    if (!exchange.tls) {
      const socket = connect(target);
      const connection = new Connection(socket);
      await settled(socket, 'connect');
      return connection;
    }
    const { sni, alpn, min, max, cert } = exchange.tls;
    const socket = connectTls({
      ...target,
      rejectUnauthorized: false,
      ...(sni ? { servername: sni } : {}),
      ...(alpn ? { ALPNProtocols: alpn } : {}),
      ...(min ? { minVersion: min } : {}),
      ...(max ? { maxVersion: max } : {}),
      ...(cert
        ? {
            cert: readFileSync(`${certificates}/${cert}.crt`),
            key: readFileSync(`${certificates}/${cert}.key`),
          }
        : {}),
    });
    const connection = new Connection(socket);
    await settled(socket, 'secureConnect');
    if (socket.authorized !== undefined && socket.getProtocol() !== null && connection.refused === '') {
      const subject = socket.getPeerCertificate()?.subject?.CN;
      connection.tls = {
        protocol: socket.getProtocol() ?? '',
        alpn: socket.alpnProtocol ?? false,
        subject: String(subject ?? ''),
      };
    }
    return connection;
  }

  send(bytes: string | Buffer): void {
    if (!this.socket.destroyed)
      this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  get raw(): Socket {
    return this.socket;
  }

  halfClose(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Reads one answer to `method`; what is missing when time is up shows in `end`. */
  async read(method: string, deadline: number): Promise<Response> {
    const response: Response = {
      statusLine: '',
      lines: [],
      body: { bytes: Buffer.alloc(0), trailers: [], complete: false },
      interim: [],
      end: '',
    };
    for (;;) {
      const head = await readHead(this.inbox, deadline);
      if (head === null) {
        response.end = this.inbox.ended || 'silence';
        return response;
      }
      if (/^HTTP\/1\.\d 1(?!01)\d\d/.test(head.startLine)) {
        response.interim.push([head.startLine, ...head.lines].join('\n'));
        continue;
      }
      response.statusLine = head.startLine;
      response.lines = head.lines;
      const status = Number(head.startLine.split(' ')[1]);
      const bodiless = method === 'HEAD' || status === 204 || status === 304 || status === 101;
      const framing: Framing =
        bodiless || (method === 'CONNECT' && status === 200)
          ? { kind: 'none' }
          : framingOf(head.lines, { kind: 'end' });
      await readBody(this.inbox, framing, response.body, deadline);
      if (!response.body.complete) response.end = this.inbox.ended || 'silence';
      return response;
    }
  }

  /** Everything up to the end of the connection, or up to `quiet` milliseconds without a byte. */
  async drain(deadline: number, quiet: number | null): Promise<{ bytes: Buffer; end: string }> {
    for (;;) {
      if (this.inbox.ended !== '') break;
      const limit = quiet === null ? deadline : Math.min(deadline, Date.now() + quiet);
      if (!(await this.inbox.changed(limit))) break;
    }
    return { bytes: this.inbox.take(this.inbox.size), end: this.inbox.ended || 'open' };
  }

  /** Whether the peer ended the connection before `deadline`. */
  async awaitEnd(deadline: number): Promise<'closed' | 'reset' | 'open'> {
    while (this.inbox.ended === '') if (!(await this.inbox.changed(deadline))) return 'open';
    return this.inbox.ended;
  }
}

function settled(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve) => {
    socket.once(event, () => resolve());
    socket.once('error', () => resolve());
    socket.once('close', () => resolve());
  });
}
