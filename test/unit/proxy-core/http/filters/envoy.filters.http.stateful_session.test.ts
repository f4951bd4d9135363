import { afterEach, describe, expect, test } from 'vitest';
import { exchange, Origin, ProxyRig, request, status } from '../data-path-rig.ts';
import { filter, filterYaml } from './filter-rig.ts';

const TYPE = 'type.googleapis.com/envoy.extensions.http.stateful_session';
const COOKIE = `session_state: { name: envoy.http.stateful_session.cookie, typed_config: { "@type": ${TYPE}.cookie.v3.CookieBasedSessionState, cookie: { name: sess, path: /shop, ttl: 60s } } }`;
const HEADER = `session_state: { name: envoy.http.stateful_session.header, typed_config: { "@type": ${TYPE}.header.v3.HeaderBasedSessionState, name: x-session } }`;

const close: (() => void)[] = [];
afterEach(() => {
  for (const each of close.splice(0)) each();
});

/** Two hosts that tell their names. */
async function rig(fields: string) {
  const origins = ['one', 'two'].map(
    (name) =>
      new Origin((_head, socket) => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n${name}`)),
  );
  for (const origin of origins) await origin.listen();
  const ports = origins.map((origin) => origin.port);
  const filters = [filter('stateful_session', 'StatefulSession', fields)];
  const proxy = await ProxyRig.fromYaml(filterYaml({ filters, ports }));
  close.push(() => proxy.close());
  for (const origin of origins) close.push(() => origin.close());
  return { proxy, ports };
}

const bodyOf = (answer: string): string => answer.slice(-3);

describe('a session in a cookie', () => {
  test('the first answer names the host, who comes back stays there', async () => {
    const { proxy } = await rig(COOKIE);
    const first = await exchange(proxy.port, request('/shop/1'));
    const cookie = /set-cookie: (sess="([A-Za-z0-9+/=]+)"); Max-Age=60; Path=\/shop; HttpOnly/.exec(first);
    expect(Buffer.from(cookie?.[2] ?? '', 'base64').toString('latin1')).toContain('127.0.0.1:');
    for (let i = 0; i < 6; i++) {
      const again = await exchange(proxy.port, request('/shop/2', `cookie: a=b; ${cookie?.[1]}\r\n`));
      expect(bodyOf(again)).toBe(bodyOf(first));
      expect(again).not.toContain('set-cookie');
    }
  });

  test('outside of its path there is no session', async () => {
    const { proxy } = await rig(COOKIE);
    expect(await exchange(proxy.port, request('/shopping'))).not.toContain('set-cookie');
  });

  test('a host that is gone is replaced', async () => {
    const { proxy } = await rig(COOKIE);
    const old = Buffer.from('\n\x0b127.0.0.1:1', 'latin1').toString('base64');
    const answer = await exchange(proxy.port, request('/shop', `cookie: sess="${old}"\r\n`));
    expect(status(answer)).toBe(200);
    expect(answer).toContain('set-cookie: sess=');
  });
});

describe('a session in a header', () => {
  test('the client names its host', async () => {
    const { proxy, ports } = await rig(HEADER);
    const wanted = Buffer.from(`127.0.0.1:${ports[1]}`).toString('base64');
    for (let i = 0; i < 5; i++) {
      const answer = await exchange(proxy.port, request('/', `x-session: ${wanted}\r\n`));
      expect(bodyOf(answer)).toBe('two');
    }
    const fresh = await exchange(proxy.port, request('/'));
    expect(fresh).toMatch(/x-session: [A-Za-z0-9+/=]+/);
  });

  test('strict: no other host will do', async () => {
    const { proxy } = await rig(`${HEADER}, strict: true`);
    const gone = Buffer.from('127.0.0.1:1').toString('base64');
    expect(status(await exchange(proxy.port, request('/', `x-session: ${gone}\r\n`)))).toBe(503);
  });
});
