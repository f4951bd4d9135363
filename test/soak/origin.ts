import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/**
 * A host that behaves as the first digit of the path asks: 0 answers, 1 answers in pieces, 2 resets before the answer,
 * 3 resets inside the body, 4 says nothing, 5 answers 503, 6 closes after the answer, 7 answers until it closes.
 */
export class UnrulyOrigin {
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => this.serve(socket));
  }

  static async start(): Promise<UnrulyOrigin> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new UnrulyOrigin(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    let text = '';
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => {
      text += piece;
      for (;;) {
        const end = text.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = text.slice(0, end);
        const length = Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
        if (text.length < end + 4 + length) return;
        text = text.slice(end + 4 + length);
        this.answer(socket, head.charAt(head.indexOf(' ') + 2));
      }
    });
  }

  private answer(socket: Socket, kind: string): void {
    const whole = 'HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n';
    const body = 'x'.repeat(2000);
    switch (kind) {
      case '1': {
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
        socket.write('3e8\r\n');
        setTimeout(() => socket.write(`${'x'.repeat(1000)}\r\n0\r\n\r\n`), 10);
        break;
      }
      case '2':
        socket.resetAndDestroy();
        break;
      case '3':
        socket.write(whole + body.slice(0, 700));
        setTimeout(() => socket.resetAndDestroy(), 5);
        break;
      case '4':
        break;
      case '5':
        socket.write('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n');
        break;
      case '6':
        socket.end(`${whole}${body}`);
        break;
      case '7':
        socket.end(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${body}`);
        break;
      default:
        socket.write(whole + body);
    }
  }
}
