/** Reads HTTP/1 messages from a growing buffer; used by the client and by the scripted upstreams of the rig. */

export interface Head {
  readonly startLine: string;
  /** `name: value` as it stood on the wire. */
  readonly lines: string[];
}

export interface Body {
  bytes: Buffer;
  trailers: string[];
  complete: boolean;
}

/** A buffer that a socket fills and a reader empties. */
export class Inbox {
  private pieces: Buffer = Buffer.alloc(0);
  private waiting: (() => void) | null = null;
  ended: '' | 'closed' | 'reset' = '';

  push(bytes: Buffer): void {
    this.pieces = this.pieces.length === 0 ? bytes : Buffer.concat([this.pieces, bytes]);
    this.wake();
  }

  end(how: 'closed' | 'reset'): void {
    if (this.ended === '') this.ended = how;
    this.wake();
  }

  get size(): number {
    return this.pieces.length;
  }

  peek(): Buffer {
    return this.pieces;
  }

  take(count: number): Buffer {
    const taken = this.pieces.subarray(0, count);
    this.pieces = this.pieces.subarray(count);
    return taken;
  }

  /** True when something changed before `deadline` (milliseconds of Date.now). */
  async changed(deadline: number): Promise<boolean> {
    const left = deadline - Date.now();
    if (left <= 0) return false;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.waiting = null;
        resolve(false);
      }, left);
      this.waiting = () => {
        clearTimeout(timer);
        this.waiting = null;
        resolve(true);
      };
    });
  }

  private wake(): void {
    this.waiting?.();
  }
}

export async function readHead(inbox: Inbox, deadline: number): Promise<Head | null> {
  for (;;) {
    const end = inbox.peek().indexOf('\r\n\r\n');
    if (end >= 0) {
      const [startLine = '', ...lines] = inbox
        .take(end + 4)
        .toString('latin1')
        .slice(0, -4)
        .split('\r\n');
      return { startLine, lines };
    }
    if (inbox.ended !== '' || !(await inbox.changed(deadline))) return null;
  }
}

export function headerValue(lines: readonly string[], name: string): string | undefined {
  const found = lines.find((line) => line.slice(0, line.indexOf(':')).trim().toLowerCase() === name);
  return found?.slice(found.indexOf(':') + 1).trim();
}

export type Framing =
  | { kind: 'none' }
  | { kind: 'length'; length: number }
  | { kind: 'chunked' }
  | { kind: 'end' };

export function framingOf(lines: readonly string[], otherwise: Framing): Framing {
  if (headerValue(lines, 'transfer-encoding')?.toLowerCase().includes('chunked')) return { kind: 'chunked' };
  const length = headerValue(lines, 'content-length');
  if (length !== undefined) return { kind: 'length', length: Number(length) };
  return otherwise;
}

/** Fills `body` as bytes arrive, so that a body that never ends can still be looked at. */
export async function readBody(inbox: Inbox, framing: Framing, body: Body, deadline: number): Promise<void> {
  switch (framing.kind) {
    case 'none':
      body.complete = true;
      return;
    case 'length':
    case 'end': {
      const length = framing.kind === 'length' ? framing.length : Number.POSITIVE_INFINITY;
      for (;;) {
        append(body, inbox.take(Math.min(inbox.size, length - body.bytes.length)));
        if (body.bytes.length >= length) {
          body.complete = true;
          return;
        }
        if (inbox.ended !== '') {
          body.complete = framing.kind === 'end' && inbox.ended === 'closed';
          return;
        }
        if (!(await inbox.changed(deadline))) return;
      }
    }
    case 'chunked':
      for (;;) {
        const line = await readLine(inbox, deadline);
        if (line === null) return;
        const size = Number.parseInt(line, 16);
        if (size === 0) break;
        while (inbox.size < size + 2) {
          if (inbox.ended !== '' || !(await inbox.changed(deadline))) {
            append(body, inbox.take(Math.min(inbox.size, size)));
            return;
          }
        }
        append(body, inbox.take(size));
        inbox.take(2);
      }
      for (;;) {
        const line = await readLine(inbox, deadline);
        if (line === null) return;
        if (line === '') break;
        body.trailers.push(line);
      }
      body.complete = true;
  }
}

function append(body: Body, bytes: Buffer): void {
  if (bytes.length > 0) body.bytes = body.bytes.length === 0 ? bytes : Buffer.concat([body.bytes, bytes]);
}

async function readLine(inbox: Inbox, deadline: number): Promise<string | null> {
  for (;;) {
    const end = inbox.peek().indexOf('\r\n');
    if (end >= 0)
      return inbox
        .take(end + 2)
        .toString('latin1')
        .slice(0, -2);
    if (inbox.ended !== '' || !(await inbox.changed(deadline))) return null;
  }
}

/** Pieces in chunked framing, with the trailer section. */
export function chunk(piece: string): string {
  return `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`;
}

export function lastChunk(trailers: readonly string[]): string {
  return `0\r\n${trailers.map((line) => `${line}\r\n`).join('')}\r\n`;
}
