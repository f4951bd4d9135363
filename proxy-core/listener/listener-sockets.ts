import { chmodSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { AttacheError } from '../base/errors.ts';
import type { SocketAddress } from '../base/stream-info.ts';
import { formatAddress } from './compile-address.ts';
import type { BindAddress, ListenerConfig } from './listener-config.ts';

/** A connection, and the bound address that it came to. */
export type AcceptCallback = (socket: Socket, bound: BindAddress) => void;

interface BoundSocket {
  readonly server: Server;
  readonly bind: BindAddress;
  readonly address: SocketAddress;
}

/** The listening sockets of one listener: its address and the additional ones. */
export class ListenerSockets {
  private bound: BoundSocket[] = [];
  /** With the ports that were really bound, in the order of the configuration; they stay when it closes. */
  addresses: readonly SocketAddress[] = [];

  /** True while new connections are taken. */
  get open(): boolean {
    return this.bound.length > 0;
  }

  /** Throws AttacheError `listener.address-in-use` or `listener.cannot-bind`; nothing is bound then. */
  async listen(config: ListenerConfig, accept: AcceptCallback): Promise<void> {
    try {
      for (const bind of config.binds) this.bound.push(await bindOne(config, bind, accept));
      this.addresses = this.bound.map((each) => each.address);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Takes over the sockets of another listener with the same addresses, which then accepts nothing more. */
  adopt(from: ListenerSockets, accept: AcceptCallback): void {
    this.bound = from.bound;
    this.addresses = from.addresses;
    from.bound = [];
    for (const { server, bind } of this.bound) {
      server.removeAllListeners('connection').on('connection', (socket) => accept(socket, bind));
    }
  }

  /** Connections go on. */
  close(): void {
    for (const { server } of this.bound) server.close();
    this.bound = [];
  }
}

async function bindOne(
  config: ListenerConfig,
  bind: BindAddress,
  accept: AcceptCallback,
): Promise<BoundSocket> {
  const path = bind.port < 0 ? bind.ip.replace(/^@/, '\0') : null;
  const open = (): Promise<BoundSocket> => {
    const server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      accept(socket, bind),
    );
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      const { backlog } = config;
      const where =
        path === null
          ? { host: bind.ip, port: bind.port, backlog, ipv6Only: bind.ipv6Only }
          : { path, backlog };
      server.listen(where, () => {
        // Later errors are of one connection (no file descriptor left, say): that one is lost, listening goes on.
        server.removeAllListeners('error').on('error', ignore);
        const found = server.address();
        const address =
          found !== null && typeof found === 'object' ? { ip: found.address, port: found.port } : bind;
        resolve({ server, bind, address });
      });
    });
  };
  try {
    const socket = await openAgain(open, path);
    if (path !== null && bind.mode !== 0 && !path.startsWith('\0')) chmodSync(path, bind.mode);
    return socket;
  } catch (error) {
    throw bindError(config, bind, error as NodeJS.ErrnoException);
  }
}

/** A Unix socket that nobody listens on any more is in the way of its successor only. */
async function openAgain(open: () => Promise<BoundSocket>, path: string | null): Promise<BoundSocket> {
  try {
    return await open();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (path === null || code !== 'EADDRINUSE' || (await answers(path))) throw error;
    unlinkSync(path);
    return open();
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}

function bindError(config: ListenerConfig, bind: BindAddress, error: NodeJS.ErrnoException): AttacheError {
  const at = formatAddress(bind);
  if (error.code === 'EADDRINUSE') {
    return new AttacheError(
      'listener.address-in-use',
      bind.port < 0
        ? `Listener ${config.name} cannot bind ${at}: another program (or another listener) listens on this socket. Stop it, or change the path.`
        : `Listener ${config.name} cannot bind ${at}: another program (or another listener) uses this address. Stop it, or change port_value.`,
      { cause: error },
    );
  }
  return new AttacheError(
    'listener.cannot-bind',
    `Listener ${config.name} cannot bind ${at}: ${error.message}`,
    { cause: error },
  );
}

function ignore(): void {}
