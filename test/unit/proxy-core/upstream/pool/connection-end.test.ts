import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createProxyCore, type ProxyCore } from '../../../../../proxy-core/index.ts';
import type { ConnectionEnd } from '../../../../../proxy-core/upstream/pool/connection-end.ts';
import {
  agent,
  applied,
  bootstrap,
  boundPort,
  cluster,
  eventually,
  get,
} from '../../../../integration/support.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const options = (text: string): string => `
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http_protocol_options: {} }
        common_http_protocol_options: { ${text} }`;

let core: ProxyCore;
let server: Server;
const sockets = new Set<Socket>();
/** What the host does with a request. */
let onRequest: (socket: Socket) => void;

beforeEach(async () => {
  core = createProxyCore({});
  onRequest = (socket) => socket.write(OK);
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('data', () => onRequest(socket));
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  await core.close({ drain: 0 });
  agent.destroy();
  for (const socket of sockets) socket.destroy();
  server.close();
});

function each(act: (socket: Socket) => void): void {
  for (const socket of sockets) act(socket);
}

interface Case {
  /** YAML at the cluster's level. */
  readonly cluster?: string;
  readonly answer?: (socket: Socket) => void;
  /** After the answer. */
  readonly after?: (address: string) => void;
  readonly status?: number;
}

test.each<[ConnectionEnd, Case]>([
  ['closed-by-host', { after: () => each((socket) => socket.end()) }],
  ['reset-by-host', { after: () => each((socket) => socket.resetAndDestroy()) }],
  ['closed-by-host', { answer: (socket) => socket.end(), status: 503 }],
  [
    'not-reusable',
    { answer: (socket) => socket.write('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n') },
  ],
  ['protocol-error', { answer: (socket) => socket.write('nonsense\r\n\r\n'), status: 502 }],
  ['request-given-up', { answer: () => {}, status: 504 }],
  ['max-requests', { cluster: options('max_requests_per_connection: 1') }],
  ['idle-timeout', { cluster: options('idle_timeout: 0.05s') }],
  ['max-duration', { cluster: options('max_connection_duration: 0.2s') }],
  ['drained', { after: (address) => core.ejectHost({ cluster: 'service', address }) }],
])('%s: %o', async (end, { cluster: more = '', answer, after, status = 200 }) => {
  if (answer !== undefined) onRequest = answer;
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await applied(
    core,
    bootstrap({
      clusters: cluster('service', [address], more),
      routes: '              - { match: { prefix: / }, route: { cluster: service, timeout: 0.3s } }',
    }),
  );
  expect((await get(boundPort(core), '/')).status).toBe(status);
  after?.(address);
  const ref = { cluster: 'service', address };
  await eventually('the end', () => core.hostHistory(ref).connectionEnds.length > 0);
  expect(core.hostHistory(ref).connectionEnds).toEqual([{ end, text: expect.any(String), count: 1 }]);
});

test('a host that refuses connections', async () => {
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise((resolve) => server.close(resolve));
  await applied(core, bootstrap({ clusters: cluster('service', [address]) }));
  for (let i = 0; i < 3; i++) expect((await get(boundPort(core), '/')).status).toBe(503);
  expect(core.hostHistory({ cluster: 'service', address }).connectionEnds).toEqual([
    { end: 'connect-failed', text: 'it could not be made', count: 3 },
  ]);
});
