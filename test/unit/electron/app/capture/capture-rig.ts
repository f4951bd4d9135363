import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { type Capture, openCapture } from '../../../../../electron/app/capture/capture.ts';
import { DevelopmentCa } from '../../../../../electron/app/development-ca/development-ca.ts';
import { createProxyCore, type ProxyCore, type RecordRow } from '../../../../../proxy-core/index.ts';

/** An origin with a certificate of an authority of its own, a core with nothing but a capture, and clients of it. */
export class CaptureRig {
  readonly core: ProxyCore = createProxyCore({});
  private readonly folders: string[] = [];
  private readonly closing: (() => void)[] = [];
  capture: Capture | null = null;
  /** PEM of the authority that services have to trust. */
  developmentCa = '';

  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'capture-test-'));
    this.folders.push(folder);
    return folder;
  }

  async start(intercept: readonly string[], trust: readonly string[]): Promise<Capture> {
    const home = await this.folder();
    const capture = await openCapture({ port: 0, intercept, trust }, home);
    if (intercept.length > 0) this.developmentCa = (await DevelopmentCa.open(home)).certificatePem;
    const source = { file: 'empty.yaml', text: 'static_resources: {}', overlay: capture.overlay };
    const result = await this.core.apply(source);
    if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
    this.capture = capture;
    return capture;
  }

  get port(): number {
    return this.capture?.settings.port ?? 0;
  }

  /** A certificate for `name` and the authority's file. */
  async identity(name: string): Promise<{ cert: string; key: string; caFile: string; ca: string }> {
    const ca = await DevelopmentCa.open(await this.folder());
    const leaf = ca.leafFor(name);
    return {
      cert: leaf.certificateChain,
      key: leaf.privateKey,
      caFile: ca.certificateFile,
      ca: ca.certificatePem,
    };
  }

  /** An HTTPS server that speaks HTTP/1 and HTTP/2 and answers with what it got. */
  async origin(identity: {
    cert: string;
    key: string;
  }): Promise<{ port: number; server: Http2SecureServer }> {
    const server = createSecureServer({ ...identity, allowHTTP1: true }, (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        response.setHeader('x-origin', 'yes');
        const { headers, method, url, httpVersion } = request;
        const body = Buffer.concat(chunks).toString();
        response.end(JSON.stringify({ headers, method, url, httpVersion, body }));
      });
    });
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => sockets.add(socket));
    this.closing.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return { port: await listen(server), server };
  }

  /** A TCP server; `onSocket` serves each connection. */
  async tcp(onSocket: (socket: Socket) => void): Promise<number> {
    const sockets = new Set<Socket>();
    const server = createTcpServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      onSocket(socket);
    });
    this.closing.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return listen(server);
  }

  /** CONNECT through the proxy; what the proxy said, and the tunnel. */
  connect(authority: string): Promise<{ response: IncomingMessage; socket: Socket; head: Buffer }> {
    return new Promise((resolve, reject) => {
      const request = httpRequest({ port: this.port, host: '127.0.0.1', method: 'CONNECT', path: authority });
      request.on('connect', (response, socket, head) => {
        socket.on('error', () => {});
        this.closing.push(() => socket.destroy());
        resolve({ response, socket: socket as Socket, head });
      });
      request.on('error', reject);
      request.end();
    });
  }

  /** CONNECT, then TLS inside it. */
  async secure(
    authority: string,
    { ca, alpn = ['http/1.1'], name = 'localhost' }: { ca: string; alpn?: string[]; name?: string },
  ): Promise<TLSSocket> {
    const { socket } = await this.connect(authority);
    return new Promise((resolve, reject) => {
      const secured = tlsConnect({ socket, servername: name, ca, ALPNProtocols: alpn });
      secured.once('secureConnect', () => resolve(secured));
      secured.once('error', reject);
    });
  }

  /** Finished records once there are `count` of them that pass. */
  async records(count: number, passes: (row: RecordRow) => boolean): Promise<RecordRow[]> {
    for (let deadline = Date.now() + 10_000; Date.now() < deadline; ) {
      const rows = this.core.rows({ from: 1, limit: 1000 }).rows.filter((row) => row.done && passes(row));
      if (rows.length >= count) return rows;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`there are no ${count} such records`);
  }

  async close(): Promise<void> {
    for (const close of this.closing) close();
    await this.core.close({ drain: 0 });
    await this.capture?.close();
    for (const folder of this.folders) await rm(folder, { recursive: true, force: true });
  }
}

function listen(server: Server | Http2SecureServer): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

/** One request on a connection that is there, by hand; the whole answer, which has a length. */
export function exchange(
  socket: Socket,
  request: string,
): Promise<{ status: number; head: string; body: string }> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = text.slice(0, end);
      const length = /content-length: (\d+)/i.exec(head);
      const body = text.slice(end + 4);
      if (length === null ? !body.endsWith('0\r\n\r\n') : body.length < Number(length[1])) return;
      socket.off('data', onData);
      resolve({ status: Number(head.slice(9, 12)), head, body });
    };
    socket.on('data', onData);
    socket.once('error', reject);
    socket.write(request);
  });
}
