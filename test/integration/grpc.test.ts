import { request as request1 } from 'node:http';
import { connect as connect2, createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import {
  Client,
  credentials,
  Server as GrpcServer,
  Metadata,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceError,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createProxyCore, type ProxyCore } from '../../proxy-core/index.ts';
import { boundPort } from './support.ts';

const bytes = (value: Buffer): Buffer => value;
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/t.Test/${name}`,
  requestStream,
  responseStream,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
});

/** Envelopes of Connect's streams and frames of gRPC look the same: a flag, a length, a message. */
function envelope(flag: number, text: string): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

const core: ProxyCore = createProxyCore({});
const server = new GrpcServer();
let cancelled = 0;
/** Speaks Connect's side of HTTP/2: sends back at once whatever comes, headers that matter included. */
const connectServer: Http2Server = createServer((req, res) => {
  res.writeHead(200, {
    'content-type': req.headers['content-type'] ?? '',
    'x-asked': `${req.method} ${req.url} ${req.headers['connect-protocol-version'] ?? ''}`,
  });
  if (req.method === 'GET') res.end('{"got":true}');
  else req.pipe(res);
});
let port = 0;
let client: Client;

const cluster = (name: string, at: number): string => `
  - name: ${name}
    typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: { http2_protocol_options: {} } } }
    load_assignment: { cluster_name: ${name}, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${at} } } } }] }] }`;

beforeAll(async () => {
  server.addService(
    { call: method('Unary', false, false) },
    {
      call: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
        if (call.request.toString() === 'fail') done({ code: 5, details: 'not here' });
        else if (call.request.toString() === 'hang') call.on('cancelled', () => cancelled++);
        else done(null, Buffer.from(`got ${call.request}`));
      },
    },
  );
  server.addService(
    { call: method('Stream', true, true) },
    {
      call: (call: ServerDuplexStream<Buffer, Buffer>) => {
        call.on('data', (message: Buffer) => call.write(Buffer.from(`got ${message}`)));
        call.on('end', () => call.end());
      },
    },
  );
  const grpcPort = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  await new Promise<void>((resolve) => connectServer.listen(0, '127.0.0.1', resolve));
  const text = `static_resources:
  listeners:
  - name: main
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: grpc
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - { match: { prefix: /t.Test/ }, route: { cluster: grpc } }
              - { match: { prefix: /connect. }, route: { cluster: connect } }
          http_filters:
          - { name: w, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb } }
          - { name: r, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }
  clusters:${cluster('grpc', grpcPort)}${cluster('connect', (connectServer.address() as AddressInfo).port)}
`;
  const applied = await core.apply({ file: 'grpc.yaml', text });
  expect(applied.ok).toBe(true);
  port = boundPort(core, 'main');
  client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
});

afterAll(async () => {
  client.close();
  server.forceShutdown();
  connectServer.close();
  await core.close({ drain: 0 });
});

function unary(text: string, deadline: number): Promise<string | number> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      '/t.Test/Unary',
      bytes,
      bytes,
      Buffer.from(text),
      new Metadata(),
      { deadline: Date.now() + deadline },
      (error: ServiceError | null, value?: Buffer) => resolve(error?.code ?? String(value)),
    );
  });
}

describe('a gRPC client and server', () => {
  test('a message, an error as trailers only, a deadline that cancels at the server', async () => {
    expect(await unary('hello', 20_000)).toBe('got hello');
    expect(await unary('fail', 20_000)).toBe(5);
    expect(await unary('hang', 2000)).toBe(4);
    await expect.poll(() => cancelled, { timeout: 10_000 }).toBe(1);
  });

  test('both sides talk at once: each message is answered before the next one is sent', async () => {
    const call = client.makeBidiStreamRequest('/t.Test/Stream', bytes, bytes, new Metadata());
    const heard: string[] = [];
    await new Promise<void>((resolve, reject) => {
      call.on('data', (message: Buffer) => {
        heard.push(String(message));
        if (heard.length < 5) call.write(Buffer.from(`${heard.length}`));
        else call.end();
      });
      call.on('error', reject);
      call.on('end', resolve);
      call.write(Buffer.from('0'));
    });
    expect(heard).toEqual(['got 0', 'got 1', 'got 2', 'got 3', 'got 4']);
  });
});

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly asked: string;
  readonly body: Buffer;
}

function overHttp1(
  verb: string,
  path: string,
  headers: Record<string, string>,
  body: Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const out = request1({ port, host: '127.0.0.1', method: verb, path, headers }, (res) => {
      const parts: Buffer[] = [];
      res.on('data', (part: Buffer) => parts.push(part));
      res.on('end', () =>
        resolve({
          status: res.statusCode ?? 0,
          type: res.headers['content-type'] ?? '',
          asked: String(res.headers['x-asked'] ?? ''),
          body: Buffer.concat(parts),
        }),
      );
    });
    out.on('error', reject);
    out.end(body);
  });
}

function overHttp2(
  verb: string,
  path: string,
  headers: Record<string, string>,
  body: Buffer,
): Promise<Answer> {
  const session = connect2(`http://127.0.0.1:${port}`);
  return new Promise<Answer>((resolve, reject) => {
    session.on('error', reject);
    const stream = session.request({ ':method': verb, ':path': path, ...headers });
    const parts: Buffer[] = [];
    let head: Record<string, unknown> = {};
    stream.on('response', (fields) => {
      head = fields;
    });
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('error', reject);
    stream.on('end', () =>
      resolve({
        status: Number(head[':status']),
        type: String(head['content-type'] ?? ''),
        asked: String(head['x-asked'] ?? ''),
        body: Buffer.concat(parts),
      }),
    );
    if (!stream.writableEnded) stream.end(body);
  }).finally(() => session.close());
}

describe.each([
  ['HTTP/1.1', overHttp1],
  ['HTTP/2', overHttp2],
] as const)('clients over %s', (_version, send) => {
  const connect = { 'connect-protocol-version': '1' };

  test('gRPC-Web: the answer and its trailers in one body', async () => {
    const headers = { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1' };
    const { status, type, body } = await send('POST', '/t.Test/Unary', headers, envelope(0, 'web'));
    expect([status, type]).toEqual([200, 'application/grpc-web+proto']);
    const message = envelope(0, 'got web');
    expect(body.subarray(0, message.length)).toEqual(message);
    expect(body[message.length]).toBe(0x80);
    expect(body.subarray(message.length + 5).toString()).toContain('grpc-status:0\r\n');
  });

  test.each([
    ['POST', '/connect.Test/Echo', 'application/json', Buffer.from('{"a":1}'), '{"a":1}'],
    [
      'GET',
      '/connect.Test/Echo?connect=v1&encoding=json&message=%7B%7D',
      '',
      Buffer.alloc(0),
      '{"got":true}',
    ],
  ])('Connect, one message by %s', async (verb, path, type, body, answer) => {
    const headers = type === '' ? connect : { ...connect, 'content-type': type };
    const got = await send(verb, path, headers, body);
    expect([got.status, got.type, got.asked, String(got.body)]).toEqual([
      200,
      type,
      `${verb} ${path} 1`,
      answer,
    ]);
  });

  test('Connect, a stream of envelopes with the one that ends it', async () => {
    const body = Buffer.concat([envelope(0, 'one'), envelope(0, 'two'), envelope(2, '{}')]);
    const headers = { ...connect, 'content-type': 'application/connect+proto' };
    const got = await send('POST', '/connect.Test/Chat', headers, body);
    expect([got.status, got.type]).toEqual([200, 'application/connect+proto']);
    expect(got.body).toEqual(body);
  });
});
