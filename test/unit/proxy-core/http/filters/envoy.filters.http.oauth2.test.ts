import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeState, parseTokens } from '../../../../../proxy-core/http/filters/oauth2-session.ts';
import { exchange, Origin, ProxyRig } from '../data-path-rig.ts';

const TYPE = 'type.googleapis.com/envoy.extensions';
const endpoint = (port: number): string =>
  `endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }] }]`;

let up: Origin;
let tokens: Origin;
let rig: ProxyRig;
let events: string[];
let tokenAnswer: string;
let tokenBodies: string[];

async function start(more = ''): Promise<void> {
  rig = await ProxyRig.fromYaml(`
static_resources:
  secrets:
  - { name: token, generic_secret: { secret: { inline_string: shh } } }
  - { name: hmac, generic_secret: { secret: { inline_string: key } } }
  listeners:
  - name: main
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": ${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: test
          route_config: { virtual_hosts: [{ name: v, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: up } }] }] }
          http_filters:
          - name: login
            typed_config:
              "@type": ${TYPE}.filters.http.oauth2.v3.OAuth2
              config:
                token_endpoint: { cluster: tokens, uri: "http://id.test/token", timeout: 1s }
                authorization_endpoint: https://id.test/authorize?x=1
                redirect_uri: "http://%REQ(:authority)%/callback"
                redirect_path_matcher: { path: { exact: /callback } }
                signout_path: { path: { exact: /signout } }
                forward_bearer_token: true
                auth_scopes: [openid, mail]
                credentials: { client_id: me, token_secret: { name: token }, hmac_secret: { name: hmac } }
                pass_through_matcher: [{ name: ":path", string_match: { prefix: /open } }]
                deny_redirect_matcher: [{ name: x-ajax }]
                ${more}
          - name: router
            typed_config: { "@type": ${TYPE}.filters.http.router.v3.Router }
  clusters:
  - { name: up, type: STATIC, load_assignment: { cluster_name: up, ${endpoint(up.port)} } }
  - { name: tokens, type: STATIC, load_assignment: { cluster_name: tokens, ${endpoint(tokens.port)} } }
`);
  events = [];
  rig.onEvent((text) => events.push(text));
}

beforeEach(async () => {
  tokenBodies = [];
  const json = JSON.stringify({ access_token: 'acc', id_token: 'idt', refresh_token: 'ref', expires_in: 60 });
  tokenAnswer = `HTTP/1.1 200 OK\r\ncontent-length: ${json.length}\r\n\r\n${json}`;
  up = new Origin((_head, socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'));
  tokens = new Origin((_head, socket, body) => {
    tokenBodies.push(body);
    socket.write(tokenAnswer);
  });
  await Promise.all([up.listen(), tokens.listen()]);
});

afterEach(() => {
  rig.close();
  up.close();
  tokens.close();
});

async function ask(path: string, headers = '') {
  const text = await exchange(
    rig.port,
    `GET ${path} HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n${headers}\r\n`,
  );
  const lines = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n');
  const values = (name: string): string[] =>
    lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
  return {
    status: Number(lines[0]?.slice(9, 12)),
    location: values('location')[0] ?? '',
    cookies: values('set-cookie'),
    details: rig.streams.at(-1)?.responseCodeDetails,
  };
}

const cookieHeader = (cookies: readonly string[]): string =>
  `cookie: ${cookies.map((cookie) => cookie.split(';')[0]).join('; ')}\r\n`;

/** Goes through a login; the cookies of the session. */
async function logIn(path = '/cart?a=1'): Promise<{ location: string; cookies: string[] }> {
  const first = await ask(path);
  const state = new URL(first.location).searchParams.get('state') ?? '';
  const back = await ask(`/callback?code=c%2F1&state=${state}`, cookieHeader(first.cookies));
  expect(back.status).toBe(302);
  return { location: back.location, cookies: back.cookies.filter((cookie) => !cookie.includes('=deleted')) };
}

describe('oauth2', () => {
  test('sends a stranger to log in', async () => {
    await start();
    const answer = await ask('/cart?a=1');
    const url = new URL(answer.location);
    expect([answer.status, answer.details, `${url.origin}${url.pathname}`]).toEqual([
      302,
      'oauth.missing_credentials',
      'https://id.test/authorize',
    ]);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      client_id: 'me',
      redirect_uri: 'http://shop.test/callback',
      response_type: 'code',
      scope: 'openid mail',
      x: '1',
    });
    expect(up.heads).toEqual([]);
    expect(rig.counter('http.test.oauth_unauthorized_rq')).toBe(1);
  });

  test('who comes back with a code gets a session and what was wanted', async () => {
    await start();
    const { location, cookies } = await logIn();
    expect(location).toBe('http://shop.test/cart?a=1');
    expect(Object.fromEntries(new URLSearchParams(tokenBodies[0]))).toEqual({
      grant_type: 'authorization_code',
      code: 'c/1',
      client_id: 'me',
      client_secret: 'shh',
      redirect_uri: 'http://shop.test/callback',
    });
    const answer = await ask('/cart', cookieHeader(cookies));
    expect(answer.status).toBe(200);
    expect(up.heads[0]).toContain('authorization: Bearer acc');
    expect(rig.counter('http.test.oauth_success')).toBe(2);
  });

  test('BASIC_AUTH keeps the secret out of the form', async () => {
    await start('auth_type: BASIC_AUTH');
    await logIn();
    expect(tokens.heads[0]).toContain(`authorization: Basic ${Buffer.from('me:shh').toString('base64')}`);
    expect(tokenBodies[0]).not.toContain('shh');
  });

  test('a session that was tampered with is none', async () => {
    await start();
    const { cookies } = await logIn();
    for (let i = 0; i < cookies.length; i++) {
      const changed = cookies.map((cookie, j) => (i === j ? cookie.replace('=', '=1') : cookie));
      expect((await ask('/cart', cookieHeader(changed))).status).toBe(302);
    }
    expect((await ask('/cart', `${cookieHeader(cookies)}`)).status).toBe(200);
  });

  test.each([
    ['another browser', (state: string) => `/callback?code=c&state=${state}`, false],
    ['a state that is none', () => '/callback?code=c&state=AAAA', true],
    ['no state', () => '/callback?code=c', true],
    ['an error of the login', (state: string) => `/callback?error=access_denied&state=${state}`, true],
    ['no code', (state: string) => `/callback?code=&state=${state}`, true],
  ])('a return with %s is refused', async (_what, path, withCookie) => {
    await start();
    const first = await ask('/');
    const state = new URL(first.location).searchParams.get('state') ?? '';
    const answer = await ask(path(state), withCookie ? cookieHeader(first.cookies) : '');
    expect([answer.status, tokens.heads.length]).toEqual([401, 0]);
    expect(rig.counter('http.test.oauth_failure')).toBe(1);
  });

  test('nobody is sent to another host', async () => {
    await start();
    const first = await ask('/');
    const nonce = first.cookies[0]?.split(';')[0]?.slice('OauthNonce='.length) ?? '';
    const state = encodeState('http://evil.test/', nonce);
    expect((await ask(`/callback?code=c&state=${state}`, cookieHeader(first.cookies))).status).toBe(401);
  });

  test.each([
    ['answers with an error', 'HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n', 'it answered 400'],
    ['sends no tokens', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}', 'it sent no tokens'],
  ])('a token endpoint that %s is an event', async (_what, answer, reason) => {
    tokenAnswer = answer;
    await start();
    const first = await ask('/');
    const state = new URL(first.location).searchParams.get('state') ?? '';
    expect((await ask(`/callback?code=c&state=${state}`, cookieHeader(first.cookies))).status).toBe(401);
    expect(events).toEqual([
      `service-failed: login gets no answer from cluster tokens: ${reason}. Nobody can log in: those who return are answered with 401.`,
    ]);
  });

  test.each([
    ['/open/x', '', 200],
    ['/', 'x-ajax: 1\r\n', 401],
    ['/signout', '', 302],
  ])('%s with %j is answered with %d', async (path, headers, status) => {
    await start();
    const answer = await ask(path, headers);
    expect(answer.status).toBe(status);
    if (path === '/signout') {
      expect(answer.location).toBe('http://shop.test/');
      expect(answer.cookies).toHaveLength(6);
    }
  });

  test('any answer of a token endpoint throws nothing, and what it gives fits into a cookie', async () => {
    await start();
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.record({ access_token: fc.string(), expires_in: fc.double() }).map((v) => JSON.stringify(v)),
        ),
        (text) => {
          const found = parseTokens(text, 0);
          if (found !== null) expect(found.access).toMatch(/^[^\s;,"\\]+$/);
        },
      ),
    );
  });
});
