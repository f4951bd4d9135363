/**
 * The renderer over HTTP and the contract over a WebSocket, on loopback only. Names of this server in `Host` and
 * `Origin` are checked (a page elsewhere that got its name to resolve to loopback has another name), and the socket
 * needs the token that was printed.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { AttacheError } from '../../proxy-core/index.ts';
import { rendererAnswer } from '../app/renderer-files.ts';
import type { AppServer } from '../ipc/session.ts';
import { CLOSE_BAD_TOKEN, SOCKET_PATH, TOKEN_PARAMETER } from '../ipc/wire.ts';
import { serveSocket } from './socket-transport.ts';

export interface UiServerOptions {
  readonly app: AppServer;
  /** The built renderer. */
  readonly folder: string;
  /** Null: the usual port, or any free one when that is taken. */
  readonly port: number | null;
  /** Made up when absent. */
  readonly token?: string;
  /** Origin of a development server that may connect too. */
  readonly developmentOrigin?: string;
}

const USUAL_PORT = 10900;
const ADDRESS = '127.0.0.1';
/** A configuration text of 32 MB fits, escaped as JSON. */
const MAX_MESSAGE = 80 * 1024 * 1024;

export class UiServer {
  readonly token: string;
  readonly #options: UiServerOptions;
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE });
  #port = 0;

  constructor(options: UiServerOptions) {
    this.#options = options;
    this.token = options.token || randomBytes(24).toString('base64url');
    this.#http = createServer((request, response) => void this.#page(request, response));
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** With the token in the fragment, which never leaves the browser. */
  get url(): string {
    return `http://${ADDRESS}:${this.#port}/#${TOKEN_PARAMETER}=${this.token}`;
  }

  /** Throws AttacheError `ui.port-in-use`. */
  async start(): Promise<void> {
    const { port } = this.#options;
    try {
      await this.#listen(port ?? USUAL_PORT);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (port !== null)
        throw new AttacheError('ui.port-in-use', `Port ${port} is in use: choose another --port.`);
      await this.#listen(0);
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#http.once('error', reject);
      this.#http.listen(port, ADDRESS, () => {
        this.#http.off('error', reject);
        this.#port = (this.#http.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  async #page(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#isOwnHost(request.headers.host)) {
      response.writeHead(403, { 'content-type': 'text/plain' }).end('This address is not served here.\n');
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const own = (request.headers.host ?? '').toLowerCase();
    const { status, headers, body } = await rendererAnswer(this.#options.folder, request.url ?? '/', [
      `ws://${own}`,
    ]);
    response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => {});
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname !== SOCKET_PATH) {
      refuse(socket, '404 Not Found');
      return;
    }
    if (!this.#isOwnHost(request.headers.host) || !this.#isOwnOrigin(request.headers.origin)) {
      refuse(socket, '403 Forbidden');
      return;
    }
    const authorized = this.#isToken(url.searchParams.get(TOKEN_PARAMETER) ?? '');
    this.#sockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      // A browser sees the reason of a close, not the status of a refused upgrade.
      if (authorized) serveSocket(webSocket, this.#options.app);
      else webSocket.close(CLOSE_BAD_TOKEN, 'The token is missing or of another run.');
    });
  }

  #isOwnHost(host: string | undefined): boolean {
    return host !== undefined && this.#ownHosts().includes(host.toLowerCase());
  }

  /** Browsers always send it with a WebSocket; programs that do not are stopped by the token alone. */
  #isOwnOrigin(origin: string | undefined): boolean {
    if (origin === undefined || origin === this.#options.developmentOrigin) return true;
    return this.#ownHosts().some((host) => origin.toLowerCase() === `http://${host}`);
  }

  #ownHosts(): readonly string[] {
    const { developmentOrigin } = this.#options;
    const own = [`127.0.0.1:${this.#port}`, `localhost:${this.#port}`];
    return developmentOrigin === undefined ? own : [...own, new URL(developmentOrigin).host];
  }

  #isToken(token: string): boolean {
    const digest = (text: string) => createHash('sha256').update(text).digest();
    return timingSafeEqual(digest(token), digest(this.token));
  }
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
