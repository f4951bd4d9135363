import { Socket } from 'node:net';

/**
 * One buffer that all plain sockets of the process read into, one event at a time: no allocation per read. Whoever
 * needs the bytes after the event copies them.
 */
const shared = Buffer.allocUnsafeSlow(65536);

/** Called with the shared buffer and how much of it was filled. */
export type ReadCallback = (length: number, bytes: Buffer) => void;

/** For `net.connect`: reads go to `callback`; there is no `data` event. */
export function readInto(callback: ReadCallback): {
  buffer: Buffer;
  callback: (length: number, bytes: Uint8Array) => boolean;
} {
  return {
    buffer: shared,
    callback: (length) => {
      callback(length, shared);
      return true;
    },
  };
}

/**
 * The same for a socket that was accepted with `pauseOnConnect`. Node has no public option for that, but a Socket
 * made around a handle takes `onread`, so the connection moves to a new Socket. A Node that keeps its handles
 * elsewhere gets the `data` event.
 */
export function readAccepted(accepted: Socket, callback: ReadCallback): Socket {
  const holder = accepted as unknown as { _handle?: object | null };
  const handle = holder._handle;
  if (handle === null || typeof handle !== 'object') {
    accepted.on('data', (chunk: Buffer) => callback(chunk.length, chunk));
    return accepted;
  }
  holder._handle = null;
  const options = { handle, allowHalfOpen: true, onread: readInto(callback) };
  return new Socket(options as ConstructorParameters<typeof Socket>[0]);
}

/** For sockets that something was read from already, and for TLS: the `data` event. */
export function readEvents<T extends Socket>(socket: T, callback: ReadCallback): T {
  socket.on('data', (chunk: Buffer) => callback(chunk.length, chunk));
  return socket;
}
