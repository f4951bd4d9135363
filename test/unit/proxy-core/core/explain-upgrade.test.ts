import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applied, bootstrap, boundPort, cluster } from '../../../integration/support.ts';
import { CoreRig } from './rig.ts';

const ROUTES = `              - { name: ended, match: { connect_matcher: {}, headers: [{ name: ":authority", string_match: { exact: "end.test:443" } }] }, route: { cluster: service, upgrade_configs: [{ upgrade_type: CONNECT, connect_config: {} }] } }
              - { name: refused, match: { connect_matcher: {}, headers: [{ name: ":authority", string_match: { exact: "off.test:443" } }] }, route: { cluster: service, upgrade_configs: [{ upgrade_type: CONNECT, enabled: false }] } }
              - { name: chat, match: { prefix: /chat, headers: [{ name: upgrade, string_match: { exact: websocket } }] }, route: { cluster: service } }
              - { name: rest, match: { prefix: / }, route: { cluster: service } }`;
const HCM = `
          upgrade_configs: [{ upgrade_type: CONNECT }, { upgrade_type: websocket }]`;

let rig: CoreRig;
let server: Server;
let port: number;

beforeAll(async () => {
  rig = new CoreRig();
  server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.end('bye'));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const service = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  await applied(rig.core, bootstrap({ routes: ROUTES, hcm: HCM, clusters: cluster('service', [service]) }));
  port = boundPort(rig.core);
});

afterAll(async () => {
  server.close();
  await rig.close();
});

/** Sends bytes and reads until `end` has come. */
function talk(text: string, end: string): Promise<string> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    let all = '';
    socket.on('data', (chunk) => {
      all += String(chunk);
      if (!all.endsWith(end)) return;
      socket.destroy();
      resolve(all);
    });
    socket.write(text);
  });
}

function lastDecision() {
  const rows = rig.core.rows({ from: 1, limit: 1000 }).rows;
  const seq = rows[rows.length - 1]?.seq ?? 0;
  return rig.core.explainRecord(seq);
}

test('a CONNECT that ends here', async () => {
  const answer = await talk('CONNECT end.test:443 HTTP/1.1\r\nHost: end.test:443\r\n\r\nx', 'bye');
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
  const decision = lastDecision();
  expect(decision?.outcome).toMatchObject({ route: 'ended', cluster: 'service', localReply: null });
  expect(decision?.steps.find(({ subject }) => subject === 'CONNECT')?.text).toBe(
    'is enabled by the route and ends here: its bytes go to the host as TCP',
  );
});

test('a CONNECT that a route switches off', async () => {
  const answer = await talk('CONNECT off.test:443 HTTP/1.1\r\nHost: off.test:443\r\n\r\n', '\r\n\r\n');
  expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden/);
  const decision = lastDecision();
  expect(decision?.outcome.localReply).toEqual({ status: 403, flags: '', details: 'upgrade_failed' });
  expect(decision?.steps.find(({ subject }) => subject === 'CONNECT')?.text).toBe(
    'is refused: the route switches it off',
  );
});

test('a CONNECT without a route', async () => {
  const answer = await talk('CONNECT none.test:443 HTTP/1.1\r\nHost: none.test:443\r\n\r\n', '\r\n\r\n');
  expect(answer).toMatch(/^HTTP\/1\.1 404 Not Found/);
  expect(lastDecision()?.outcome.localReply?.details).toBe('route_not_found');
});

test.each([
  ['end.test:443', 'ended'],
  ['none.test:443', null],
])('an imagined CONNECT to %s', (authority, route) => {
  const { outcome } = rig.core.explain({
    method: 'connect',
    url: `http://127.0.0.1:${port}/`,
    headers: [['host', authority]],
  });
  expect(outcome.route).toBe(route);
});

test.each([
  ['websocket', 'chat', null],
  ['other', 'rest', 'upgrade_failed'],
])('an imagined upgrade to %s is routed with its headers', (type, route, details) => {
  const decision = rig.core.explain({
    method: 'GET',
    url: `http://127.0.0.1:${port}/chat`,
    headers: [
      ['Connection', 'Upgrade'],
      ['Upgrade', type],
    ],
  });
  expect(decision.outcome.route).toBe(route);
  expect(decision.outcome.localReply?.details ?? null).toBe(details);
});
