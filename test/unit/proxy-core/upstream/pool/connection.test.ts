import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createProxyCore, type ProxyCore } from '../../../../../proxy-core/index.ts';
import { agent, applied, bootstrap, boundPort, cluster, get } from '../../../../integration/support.ts';

const pem = (name: string): Buffer =>
  readFileSync(new URL(`../../../../parity/certs/${name}`, import.meta.url));

let core: ProxyCore;
let server: Server;

beforeAll(async () => {
  core = createProxyCore({});
  server = createServer({ cert: pem('server.crt'), key: pem('server.key') }, (_request, response) => {
    response.end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  await core.close({ drain: 0 });
  agent.destroy();
  server.closeAllConnections();
  server.close();
});

test('TLS has a time of its own, after the connection below it; a kept connection has none', async () => {
  const tls = `
    transport_socket: { name: tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext } }`;
  const { port } = server.address() as AddressInfo;
  await applied(core, bootstrap({ clusters: cluster('service', [`127.0.0.1:${port}`], tls) }));
  const times: (readonly (number | null)[])[] = [];
  for (let i = 0; i < 2; i++) {
    expect((await get(boundPort(core), '/')).status).toBe(200);
    const attempt = core.record(core.recorderState().lastSeq)?.timing.attempts[0];
    if (attempt === undefined) throw new Error('no attempt');
    times.push([attempt.connectStarted, attempt.connected, attempt.secured, attempt.poolReady]);
  }
  const [made, kept] = times;
  const sorted = [...(made ?? [])].sort((a, b) => (a ?? 0) - (b ?? 0));
  expect(made).toEqual(sorted);
  expect(made?.every((time) => time !== null)).toBe(true);
  // A handshake takes a round trip and its arithmetic.
  expect(made?.[2]).toBeGreaterThan(made?.[1] ?? Number.NaN);
  expect(kept?.slice(0, 3)).toEqual([null, null, null]);
});
