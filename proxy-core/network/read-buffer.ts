import { Socket } from 'node:net';

/**
 * One buffer that plain sockets of the process read into, one event at a time: no allocation per read. Whoever needs
 * the bytes after the event copies them.
 */
const shared = Buffer.allocUnsafeSlow(65536);

/** Where a socket reads to while a large body flows through it. */
const OWN_LENGTH = 131072;
/** A read shorter than this ends the flow. */
const FLOW_LENGTH = 16384;
/** Own buffers that nobody uses at the moment. */
const spare: Buffer[] = [];
const MAX_SPARE = 16;

/** Called with the buffer that was read into and how much of it was filled. */
export type ReadCallback = (length: number, bytes: Buffer) => void;

/** What `onread` of a socket wants. */
export interface OnRead {
  buffer(): Buffer;
  callback(length: number, bytes: Uint8Array): boolean;
}

/** The bytes of the read under way when a writer may have them for good. */
let keepable: Buffer | null = null;
let kept = false;

/** True when the bytes of the read under way can be written without a copy; `keep` when the write takes longer. */
export function mayKeep(bytes: Uint8Array): boolean {
  return bytes === keepable;
}

/** Nothing is read into these bytes again: a socket still writes them. */
export function keep(): void {
  kept = true;
}

/**
 * What a socket reads into: the shared buffer while it says little, one of its own while a body flows, so that its
 * bytes can be handed to another socket as they are.
 */
class ReadBuffer implements OnRead {
  private bytes: Buffer = shared;

  constructor(private readonly read: ReadCallback) {}

  /** Node asks before the first read and after each. */
  readonly buffer = (): Buffer => this.bytes;

  readonly callback = (length: number): boolean => {
    const { bytes, read } = this;
    if (bytes === shared) {
      read(length, bytes);
      if (length === shared.length) this.take();
      return true;
    }
    keepable = bytes;
    read(length, bytes);
    keepable = null;
    const flows = length >= FLOW_LENGTH;
    if (!flows) this.bytes = shared;
    else if (kept) this.take();
    if (!kept && !flows && spare.length < MAX_SPARE) spare.push(bytes);
    kept = false;
    return true;
  };

  private take(): void {
    this.bytes = spare.pop() ?? Buffer.allocUnsafeSlow(OWN_LENGTH);
  }
}

/** For `net.connect`: reads go to `read`; there is no `data` event. */
export function readInto(read: ReadCallback): OnRead {
  return new ReadBuffer(read);
}

/**
 * The same for a socket that was accepted with `pauseOnConnect`. Node has no public option for that, but a Socket
 * made around a handle takes `onread`, so the connection moves to a new Socket. A Node that keeps its handles
 * elsewhere gets the `data` event.
 */
export function readAccepted(accepted: Socket, read: ReadCallback): Socket {
  const holder = accepted as unknown as { _handle?: object | null };
  const handle = holder._handle;
  if (handle === null || typeof handle !== 'object') return readEvents(accepted, read);
  holder._handle = null;
  const options = { handle, allowHalfOpen: true, onread: readInto(read) };
  return new Socket(options as ConstructorParameters<typeof Socket>[0]);
}

/** The same for an accepted socket whose first bytes came as `data` events, and which was paused in the last of them. */
export function readMoved(socket: Socket, read: ReadCallback): Socket {
  const holder = socket as unknown as { _handle?: { readStop?: () => void; reading?: boolean } | null };
  const handle = holder._handle;
  if (handle == null || handle.readStop === undefined || socket.readableLength > 0 || socket.readableEnded) {
    readEvents(socket, read);
    socket.resume();
    return socket;
  }
  handle.readStop();
  handle.reading = false;
  return readAccepted(socket, read);
}

/** For sockets that Node gives no `onread`: TLS over a socket that exists already. */
export function readCopied(chunk: Buffer, onread: OnRead): void {
  for (let at = 0; at < chunk.length; ) {
    const buffer = onread.buffer();
    const length = chunk.copy(buffer, 0, at, at + buffer.length);
    onread.callback(length, buffer);
    at += length;
  }
}

/** For sockets that something was read from already, and for TLS: the `data` event, whose bytes are never used again. */
export function readEvents<T extends Socket>(socket: T, read: ReadCallback): T {
  socket.on('data', (chunk: Buffer) => {
    keepable = chunk;
    read(chunk.length, chunk);
    keepable = null;
    kept = false;
  });
  return socket;
}
