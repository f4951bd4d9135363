import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { DemoHostMode } from '../../ipc/contract.ts';
import { answerOf } from './shop-answers.ts';
import type { ShopServiceName } from './shop-config.ts';

const ADDRESS = '127.0.0.1';
/** How long a healthy host takes, and how much longer a slow one does. Milliseconds. */
const USUAL_DELAY = [2, 14] as const;
const SLOW_DELAY = [700, 1_100] as const;
const MAX_BODY = 64 * 1024;

/** One host of the shop: a real HTTP server that can be told to misbehave. */
export class ShopHost {
  readonly #service: ShopServiceName;
  #server: Server | null = null;
  #sockets = new Set<Socket>();
  #timers = new Set<NodeJS.Timeout>();
  #port = 0;
  #mode: DemoHostMode = 'healthy';

  constructor(service: ShopServiceName) {
    this.#service = service;
  }

  get address(): string {
    return `${ADDRESS}:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get mode(): DemoHostMode {
    return this.#mode;
  }

  /** Listens on the wanted port, or on any free one when that is taken. */
  async start(port: number): Promise<void> {
    this.#mode = 'healthy';
    try {
      await this.#listen(port);
    } catch (error) {
      if (!isTaken(error)) throw error;
      await this.#listen(0);
    }
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    await this.#close();
  }

  /** `down` frees the port, so that connecting is refused; leaving it takes the port again. */
  async setMode(mode: DemoHostMode): Promise<void> {
    const before = this.#mode;
    this.#mode = mode;
    if (mode === 'down') await this.#close();
    else if (before === 'down') {
      try {
        await this.#listen(this.#port);
      } catch (error) {
        this.#mode = 'down';
        throw error;
      }
    }
  }

  #listen(port: number): Promise<void> {
    const server = createServer((request, response) => this.#serve(request, response));
    server.keepAliveTimeout = 60_000;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, ADDRESS, () => {
        server.off('error', reject);
        server.on('error', () => {});
        this.#port = (server.address() as AddressInfo).port;
        this.#server = server;
        resolve();
      });
    });
  }

  #close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const socket of this.#sockets) socket.destroy();
    if (server === null) return Promise.resolve();
    return new Promise((resolve) => server.close(() => resolve()));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    if (this.#mode === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      if (body.length < MAX_BODY) body += chunk;
    });
    request.on('end', () => this.#later(() => this.#answer(request, body, response)));
    request.on('error', () => {});
  }

  #later(answer: () => void): void {
    const [least, most] = this.#mode === 'slow' ? SLOW_DELAY : USUAL_DELAY;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        answer();
      },
      least + Math.random() ** 2 * (most - least),
    );
    this.#timers.add(timer);
  }

  #answer(request: IncomingMessage, text: string, response: ServerResponse): void {
    if (response.destroyed) return;
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    const method = request.method ?? 'GET';
    const { status, body } =
      this.#mode === '503'
        ? { status: 503, body: { message: 'The demo told this host to answer 503.', by: this.address } }
        : answerOf(this.#service, { method, path, body: text, host: this.address });
    const json = `${JSON.stringify(body)}\n`;
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(json),
      'x-shop-host': this.address,
    });
    response.end(method === 'HEAD' ? undefined : json);
  }
}

function isTaken(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EADDRINUSE' || code === 'EACCES';
}
