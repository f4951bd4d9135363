import * as fs from 'node:fs';
import * as http from 'node:http';
import type { Socket } from 'node:net';
import { AttacheError } from '../../base/errors.ts';
import { errnoText, errorCode } from '../access-log/errno.ts';
import { AdminStats } from './admin-stats.ts';
import { addressText } from './clusters.ts';
import { adminHandlers, handleAdmin } from './handlers.ts';
import { parseParams } from './params.ts';
import { text } from './response.ts';
import type { AdminAddress, AdminBackend, AdminHandler, AdminResponse } from './types.ts';

export interface AdminServerOptions {
  readonly address: AdminAddress;
  /** `--admin-address-path`: where the bound address is written. */
  readonly addressPath?: string;
  /** Commands besides Envoy's. */
  readonly handlers?: readonly AdminHandler[];
}

/** A form body is a few parameters; more is refused. */
const MOST_BODY = 1024 * 1024;

/** The admin interface on its socket. It has no authentication, as Envoy's: bind it to loopback. */
export class AdminServer {
  private readonly server: http.Server;
  private readonly handlers: readonly AdminHandler[];
  private readonly stats: AdminStats;

  private constructor(
    private readonly backend: AdminBackend,
    more: readonly AdminHandler[],
  ) {
    this.handlers = adminHandlers(more);
    this.stats = new AdminStats(backend.stats);
    this.server = http.createServer((request, response) => this.serve(request, response));
    this.server.keepAliveTimeout = 60_000;
    this.server.on('connection', (socket: Socket) => {
      const opened = performance.now();
      this.stats.connectionOpened();
      socket.on('close', () => {
        const local = socket.writableEnded && !socket.readableEnded;
        this.stats.connectionClosed(performance.now() - opened, socket.bytesRead, socket.bytesWritten, local);
      });
    });
  }

  /** Binds and listens; rejects with AttacheError `admin.unbindable` (or `admin.address-path`). */
  static async listen(backend: AdminBackend, options: AdminServerOptions): Promise<AdminServer> {
    const admin = new AdminServer(backend, options.handlers ?? []);
    const { ip, port } = options.address;
    await new Promise<void>((resolve, reject) => {
      admin.server.once('error', (error) => reject(bindError(options.address, error)));
      const ready = (): void => {
        admin.server.removeAllListeners('error');
        admin.server.on('error', () => {});
        resolve();
      };
      if (port < 0) admin.server.listen(ip, ready);
      else admin.server.listen(port, ip, ready);
    });
    if (options.addressPath !== undefined && options.addressPath !== '') {
      try {
        fs.writeFileSync(options.addressPath, addressText(admin.address));
      } catch (error) {
        await admin.close();
        throw new AttacheError(
          'admin.address-path',
          `The admin address cannot be written to ${options.addressPath}: ${errnoText(error)}.`,
          { cause: error },
        );
      }
    }
    return admin;
  }

  /** The address that was really bound. */
  get address(): AdminAddress {
    const bound = this.server.address();
    if (typeof bound === 'string') return { ip: bound, port: -1 };
    return bound === null ? { ip: '', port: 0 } : { ip: bound.address, port: bound.port };
  }

  /** Stops listening and cuts what is open. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private serve(request: http.IncomingMessage, response: http.ServerResponse): void {
    const started = performance.now();
    this.stats.requestStarted();
    response.once('close', () => {
      this.stats.requestEnded(response.statusCode, performance.now() - started);
    });
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MOST_BODY) chunks.push(chunk);
    });
    request.on('end', () => {
      const answer = size > MOST_BODY ? text('Payload Too Large', 413) : this.answer(request, chunks);
      write(request, response, answer);
    });
  }

  private answer(request: http.IncomingMessage, body: readonly Buffer[]): AdminResponse {
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    const params = parseParams(mark < 0 ? '' : url.slice(mark + 1));
    if (request.headers['content-type'] === 'application/x-www-form-urlencoded') {
      for (const [key, value] of parseParams(Buffer.concat(body).toString(), true)) params.set(key, value);
    }
    const path = mark < 0 ? url : url.slice(0, mark);
    try {
      return handleAdmin(this.handlers, { method: request.method ?? 'GET', path, params }, this.backend);
    } catch (error) {
      // A page that cannot be made is no reason to stop serving.
      const reason = error instanceof Error ? error.message : String(error);
      return text(`${path} could not be shown: ${reason}\n`, 500);
    }
  }
}

function write(request: http.IncomingMessage, response: http.ServerResponse, answer: AdminResponse): void {
  response.writeHead(answer.status, {
    'content-type': answer.contentType,
    'cache-control': 'no-cache, max-age=0',
    'x-content-type-options': 'nosniff',
    server: 'envoy',
    // Node writes the name in capitals when it adds the header itself.
    'transfer-encoding': 'chunked',
  });
  response.end(request.method === 'HEAD' ? '' : answer.body, () => answer.after?.());
}

function bindError(address: AdminAddress, error: unknown): AttacheError {
  const code = errorCode(error);
  const reason =
    code === 'EADDRINUSE'
      ? 'the address is in use by another program. Choose another port, or 0 for any free one'
      : code === 'EADDRNOTAVAIL'
        ? 'this machine has no such address'
        : errnoText(error);
  return new AttacheError(
    'admin.unbindable',
    `The admin interface cannot listen on ${addressText(address)}: ${reason}.`,
    { cause: error },
  );
}
