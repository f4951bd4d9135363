/**
 * For the Electron 22 of the tests only: what a current Electron has and that one lacks. The product's code is the same
 * in both.
 */
import { Server } from 'node:http';
import type { Socket } from 'node:net';
import { protocol } from 'electron';
import { addArrayMethods } from './array-methods.ts';

interface AnswerInit {
  readonly status?: number;
  readonly headers?: Record<string, string>;
}

/** As much of `Response` as the app uses. */
class PlainResponse {
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(
    readonly content: Uint8Array | string,
    init: AnswerInit = {},
  ) {
    this.status = init.status ?? 200;
    this.headers = init.headers ?? {};
  }
}

const scope = globalThis as unknown as Record<string, unknown>;
scope['Response'] ??= PlainResponse;

scope['structuredClone'] ??= (value: unknown) => {
  const { deserialize, serialize } = require('node:v8') as typeof import('node:v8');
  return deserialize(serialize(value));
};

/** The page gets its missing methods from a script of its own origin, as its CSP wants it. */
const PAGE_PRELUDE = 'page-prelude.js';

if (typeof protocol.handle !== 'function') {
  const handle = (
    scheme: string,
    answer: (request: { readonly url: string }) => Promise<Response> | Response,
  ) => {
    protocol.registerBufferProtocol(scheme, async (request, callback) => {
      if (new URL(request.url).pathname === `/${PAGE_PRELUDE}`) {
        callback({ mimeType: 'text/javascript', data: Buffer.from(`(${addArrayMethods})()`) });
        return;
      }
      const { status, headers, content } = (await answer({ url: request.url })) as unknown as PlainResponse;
      const mimeType = (headers['content-type'] ?? '').split(';')[0] ?? '';
      const data =
        mimeType === 'text/html'
          ? Buffer.from(String(content).replace('<head>', `<head><script src="/${PAGE_PRELUDE}"></script>`))
          : Buffer.from(content);
      callback({ statusCode: status, headers, mimeType, data });
    });
  };
  Object.assign(protocol, { handle });
}

addArrayMethods();

// `closeAllConnections` came with Node 18.2.
if (typeof Server.prototype.closeAllConnections !== 'function') {
  const sockets = new WeakMap<Server, Set<Socket>>();
  const emit: (this: Server, name: string, ...args: unknown[]) => boolean = Server.prototype.emit;
  Server.prototype.emit = function (this: Server, name: string, ...args: unknown[]): boolean {
    if (name === 'connection') {
      const socket = args[0] as Socket;
      const open = sockets.get(this) ?? new Set();
      sockets.set(this, open.add(socket));
      socket.on('close', () => open.delete(socket));
    }
    return emit.call(this, name, ...args);
  };
  Server.prototype.closeAllConnections = function (this: Server): void {
    for (const socket of sockets.get(this) ?? []) socket.destroy();
  };
}
