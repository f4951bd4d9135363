import { readFileSync } from 'node:fs';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { type Answer, headerLines, type Upstream } from './case.ts';
import {
  type Body,
  chunk,
  framingOf,
  headerValue,
  Inbox,
  lastChunk,
  readBody,
  readHead,
} from './http1-message.ts';
import { freePort } from './ports.ts';

/** A request as it arrived at an upstream; its body grows while it is being read. */
export interface Arrival {
  readonly upstream: string;
  readonly startLine: string;
  readonly lines: string[];
  readonly body: Body;
  /** Counts connections of this upstream from 1. */
  readonly connection: number;
}

/** One scripted server. Records what arrives in `arrivals`, which all upstreams of a case share. */
export class UpstreamServer {
  port = 0;
  private servers: (Server | Http2Server)[] = [];
  private sockets = new Set<Socket>();
  private worker: Worker | null = null;
  private connections = 0;
  private served = new Map<string, number>();
  private answers: Answer | Answer[] | undefined;

  constructor(
    readonly name: string,
    private readonly script: Upstream,
    private readonly certificates: string,
    private readonly arrivals: Arrival[],
  ) {
    this.answers = script.answer;
  }

  async start(): Promise<void> {
    if (this.script.refuse) {
      this.port = await freePort();
      return;
    }
    if (this.script.blackhole) return this.startBlackhole();
    const tls = this.script.tls
      ? {
          cert: readFileSync(`${this.certificates}/server.crt`),
          key: readFileSync(`${this.certificates}/server.key`),
        }
      : null;
    if (this.script.http2) {
      if (tls) throw new Error(`${this.name}: http2 with tls is not scripted`);
      const server = createHttp2Server({ settings: { enableConnectProtocol: true } });
      const onStream = (
        stream: ServerHttp2Stream,
        headers: Record<string, unknown>,
        _flags: number,
        raw: unknown,
      ) => this.onStream(stream, headers, raw);
      server.on('stream', onStream);
      server.on('session', (session) => session.on('error', () => {}));
      server.on('connection', (socket: Socket) => this.track(socket));
      this.servers.push(server);
    } else {
      const accept = (socket: Socket) => this.onConnection(socket);
      this.servers.push(tls ? createTlsServer(tls, accept) : createServer({ allowHalfOpen: true }, accept));
    }
    const server = this.servers[0]!;
    server.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    this.port = bound !== null && typeof bound === 'object' ? bound.port : 0;
  }

  /** A listening socket whose queue is full: the kernel drops further SYNs. */
  private async startBlackhole(): Promise<void> {
    const source = `
      const { parentPort } = require('node:worker_threads');
      const server = require('node:net').createServer();
      server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
        parentPort.postMessage(server.address().port);
        setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 20);
      });`;
    const worker = new Worker(source, { eval: true });
    this.worker = worker;
    this.port = await new Promise<number>((resolve) => worker.once('message', resolve));
    await new Promise((resolve) => setTimeout(resolve, 60));
    const { connect } = await import('node:net');
    for (let filled = 0; filled < 8; filled++) {
      const socket = connect(this.port, '127.0.0.1');
      this.track(socket);
      socket.on('error', () => {});
      const connected = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true));
        setTimeout(() => resolve(false), 150);
      });
      if (!connected) return;
    }
  }

  change(answers: Answer | Answer[]): void {
    this.answers = answers;
    this.served.clear();
  }

  private track(socket: Socket): void {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    socket.on('error', () => {});
  }

  private onConnection(socket: Socket): void {
    this.track(socket);
    socket.setNoDelay(true);
    const connection = ++this.connections;
    if (this.script.tcp) {
      this.serveTcp(socket, this.script.tcp);
      return;
    }
    const inbox = new Inbox();
    socket.on('data', (bytes) => inbox.push(bytes));
    socket.on('end', () => inbox.end('closed'));
    socket.on('close', () => inbox.end('reset'));
    void this.serveHttp(socket, inbox, connection);
  }

  private serveTcp(socket: Socket, script: NonNullable<Upstream['tcp']>): void {
    let received = 0;
    if (script.greet !== undefined) socket.write(script.greet);
    socket.on('end', () => socket.end());
    socket.on('data', (bytes) => {
      received += bytes.length;
      if (script.echo) socket.write(bytes);
      if (script.close_after !== undefined && received >= script.close_after) socket.end();
    });
  }

  private async serveHttp(socket: Socket, inbox: Inbox, connection: number): Promise<void> {
    const forever = Date.now() + 3_600_000;
    for (;;) {
      const head = await readHead(inbox, forever);
      if (head === null) break;
      const body: Body = { bytes: Buffer.alloc(0), trailers: [], complete: false };
      this.arrivals.push({ upstream: this.name, ...head, body, connection });
      const answer = this.pick(head.startLine.split(' ')[1] ?? '');
      const whole = readBody(inbox, framingOf(head.lines, { kind: 'none' }), body, forever);
      if (!answer.early && !answer.close && !answer.reset) await whole;
      if (!(await this.answerHttp1(socket, answer, head.startLine, head.lines, body))) return;
      await whole;
    }
    socket.end();
  }

  private pick(target: string): Answer {
    const bare = target.split('?')[0] ?? '';
    const key = this.script.paths && bare in this.script.paths ? bare : '';
    const answers = key === '' ? this.answers : this.script.paths?.[key];
    if (answers === undefined) return {};
    if (!Array.isArray(answers)) return answers;
    let index = this.served.get(key) ?? 0;
    this.served.set(key, index + 1);
    for (const answer of answers) {
      index -= answer.times ?? 1;
      if (index < 0) return answer;
    }
    return answers.at(-1) ?? {};
  }

  /** False when the connection is done for. */
  private async answerHttp1(
    socket: Socket,
    answer: Answer,
    startLine: string,
    requestLines: readonly string[],
    request: Body,
  ): Promise<boolean> {
    if (answer.delay) await sleep(answer.delay);
    if (answer.hang) return false;
    if (answer.close) return finish(socket, 'close');
    if (answer.reset) return finish(socket, 'reset');
    if (answer.raw !== undefined) {
      socket.write(Buffer.from(answer.raw, 'latin1'));
      return finish(socket, answer.then ?? 'keep');
    }
    const head = startLine.startsWith('HEAD ');
    const status = answer.status ?? 200;
    const pieces = this.bodyPieces(answer, request);
    const headers = headerLines(answer.headers);
    const framed = headers.some((line) => /^(content-length|transfer-encoding):/i.test(line));
    const bodiless = status === 204 || status === 304 || status < 200;
    const lines = [`HTTP/1.1 ${status} ${answer.reason ?? 'OK'}`, `x-upstream: ${this.name}`, ...headers];
    if (!framed && answer.chunks) lines.push('transfer-encoding: chunked');
    else if (!framed && !bodiless) lines.push(`content-length: ${pieces.reduce((n, p) => n + p.length, 0)}`);
    const expect = headerValue(requestLines, 'expect');
    if (expect) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    const text = `${lines.join('\r\n')}\r\n\r\n`;
    if (head || bodiless) {
      socket.write(text);
      return finish(socket, answer.then ?? 'keep');
    }
    if (!answer.pause) {
      const all = Buffer.concat([
        Buffer.from(text, 'latin1'),
        ...(answer.chunks ? pieces.map((piece) => Buffer.from(chunk(piece.toString()))) : pieces),
        Buffer.from(answer.chunks && answer.cut === undefined ? lastChunk(headerLines(answer.trailers)) : ''),
      ]);
      socket.write(answer.cut === undefined ? all : all.subarray(0, Buffer.byteLength(text) + answer.cut));
    } else {
      socket.write(text);
      for (const piece of pieces) {
        await sleep(answer.pause);
        socket.write(answer.chunks ? chunk(piece.toString()) : piece);
      }
      if (answer.chunks && answer.cut === undefined) {
        await sleep(answer.pause);
        socket.write(lastChunk(headerLines(answer.trailers)));
      }
    }
    if (answer.cut !== undefined && answer.then === undefined) return finish(socket, 'close');
    return finish(socket, answer.then ?? 'keep');
  }

  private bodyPieces(answer: Answer, request: Body): Buffer[] {
    if (answer.echo) return [request.bytes];
    if (answer.chunks) return answer.chunks.map((piece) => Buffer.from(piece));
    let text = answer.body ?? this.name;
    if (answer.size !== undefined)
      text = text.repeat(Math.ceil(answer.size / text.length)).slice(0, answer.size);
    return [Buffer.from(text)];
  }

  private onStream(stream: ServerHttp2Stream, headers: Record<string, unknown>, raw: unknown): void {
    const lines: string[] = [];
    const list = (raw as string[] | undefined) ?? [];
    for (let i = 0; i + 1 < list.length; i += 2) lines.push(`${list[i]}: ${list[i + 1]}`);
    const body: Body = { bytes: Buffer.alloc(0), trailers: [], complete: false };
    const path = String(headers[':path'] ?? '');
    const startLine = `${String(headers[':method'])} ${path} HTTP/2`;
    this.arrivals.push({ upstream: this.name, startLine, lines, body, connection: this.connections });
    stream.on('error', () => {});
    stream.on('data', (bytes: Buffer) => {
      body.bytes = Buffer.concat([body.bytes, bytes]);
    });
    stream.on('trailers', (_trailers: unknown, _flags: number, rawTrailers: unknown) => {
      const flat = (rawTrailers as string[] | undefined) ?? [];
      for (let i = 0; i + 1 < flat.length; i += 2) body.trailers.push(`${flat[i]}: ${flat[i + 1]}`);
    });
    const tunnel = headers[':method'] === 'CONNECT';
    stream.on('end', () => {
      body.complete = true;
      if (!tunnel) void this.answerHttp2(stream, this.pick(path), body);
    });
    stream.resume();
    // A tunnel is answered before its bytes come.
    if (tunnel) void this.answerHttp2(stream, this.pick(path), body);
  }

  private async answerHttp2(stream: ServerHttp2Stream, answer: Answer, request: Body): Promise<void> {
    if (answer.delay) await sleep(answer.delay);
    if (answer.hang || stream.destroyed || stream.closed) return;
    if (answer.reset) return stream.close(2);
    if (answer.close) return stream.session?.destroy();
    const fields: Record<string, string | string[]> = {};
    for (const line of headerLines(answer.headers)) {
      const at = line.indexOf(':');
      fields[line.slice(0, at)] = line.slice(at + 1).trim();
    }
    const pieces = this.bodyPieces(answer, request);
    const trailers = headerLines(answer.trailers);
    stream.respond({ ':status': answer.status ?? 200, 'x-upstream': this.name, ...fields }, {
      waitForTrailers: trailers.length > 0,
      endStream: pieces.length === 0 && trailers.length === 0,
      sendDate: false,
    } as never);
    stream.on('wantTrailers', () => {
      const values: Record<string, string> = {};
      for (const line of trailers) {
        const at = line.indexOf(':');
        values[line.slice(0, at)] = line.slice(at + 1).trim();
      }
      stream.sendTrailers(values);
    });
    for (const piece of pieces) {
      if (answer.pause) await sleep(answer.pause);
      stream.write(piece);
    }
    if (answer.cut !== undefined) stream.close(2);
    else stream.end();
  }

  async stop(): Promise<void> {
    await this.worker?.terminate();
    for (const server of this.servers) server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

function finish(socket: Socket, how: 'close' | 'reset' | 'keep'): boolean {
  if (how === 'reset') socket.resetAndDestroy();
  else if (how === 'close') socket.end();
  return how === 'keep';
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
