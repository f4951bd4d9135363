import type { WebSocket } from 'ws';
import { type AppServer, answerCall } from '../ipc/session.ts';

/** So much may wait in a socket before pushes are held back. */
const MAX_BUFFERED = 4 * 1024 * 1024;
/** Calls of one client that may be under way; a client that sends more is broken. */
const MAX_CALLS = 1_000;

/** Serves the contract to one browser tab: JSON messages as in wire.ts. */
export function serveSocket(socket: WebSocket, app: AppServer): void {
  const send = (message: unknown) => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
  };
  const session = app.connect({ send, congested: () => socket.bufferedAmount > MAX_BUFFERED });
  let underWay = 0;
  socket.on('message', (data, isBinary) => {
    const message = isBinary ? null : parseCall(String(data));
    if (message === null || underWay >= MAX_CALLS) {
      socket.close(1008, 'This is not a call.');
      return;
    }
    underWay++;
    void answerCall(session, message.call, message.args).then((answer) => {
      underWay--;
      send({ id: message.id, ...answer });
    });
  });
  socket.on('close', () => session.close());
  socket.on('error', () => socket.terminate());
}

function parseCall(text: string): { id: number; call: unknown; args: unknown } | null {
  try {
    const message: unknown = JSON.parse(text);
    if (typeof message !== 'object' || message === null) return null;
    const { id, call, args } = message as Record<string, unknown>;
    return typeof id === 'number' && Number.isSafeInteger(id) ? { id, call, args } : null;
  } catch {
    return null;
  }
}
