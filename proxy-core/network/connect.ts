import { connect, type Socket } from 'node:net';
import type { OnRead } from './read-buffer.ts';

/** Starts a plain connection to a host. `preface` is sent before everything else. */
export function connectPlain(
  host: { readonly ip: string; readonly port: number; readonly address: string },
  preface: Uint8Array | null | undefined,
  onread: OnRead | null,
): Socket {
  const where =
    host.port < 0
      ? { path: host.address, allowHalfOpen: true }
      : { host: host.ip, port: host.port, noDelay: true, allowHalfOpen: true };
  const socket = onread === null ? connect(where) : connect({ ...where, onread });
  if (preface != null) socket.write(preface);
  return socket;
}
