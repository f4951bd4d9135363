import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { bootstrap } from '../../integration/support.ts';
import { type Fixture, openFixture, type TestFile, testFile } from './fixture.ts';

describe('the door of the web UI', () => {
  let app: Fixture;
  let config: TestFile;
  let base: URL;
  let token: string;

  beforeAll(async () => {
    const routes = '              - { match: { prefix: / }, direct_response: { status: 200 } }';
    config = testFile('envoy.yaml', bootstrap({ routes }).replace(/ {2}clusters:\n$/, ''));
    app = await openFixture('ui', ['-c', config.file]);
    base = new URL(app.product.url);
    token = new URLSearchParams(base.hash.slice(1)).get('token') ?? '';
  });

  afterAll(async () => {
    await app?.close();
    config?.remove();
  });

  /** How a WebSocket ends that asks for the contract: the close code, or the status of a refused upgrade. */
  function knock(query: string, headers: Record<string, string> = {}): Promise<string> {
    return new Promise((resolve) => {
      const socket = new WebSocket(`ws://${base.host}/ws${query}`, { headers });
      socket.on('unexpected-response', (_request, response) => resolve(`refused ${response.statusCode}`));
      socket.on('error', () => {});
      socket.on('close', (code) => resolve(`closed ${code}`));
      socket.on('open', () => socket.send('{"id":1,"call":"state.get"}'));
      socket.on('message', () => {
        resolve('answered');
        socket.close();
      });
    });
  }

  function page(
    headers: Record<string, string>,
  ): Promise<{ status: number; headers: NodeJS.Dict<string | string[]> }> {
    return new Promise((resolve, reject) => {
      request({ host: base.hostname, port: base.port, path: '/', headers }, (response) => {
        response.resume();
        resolve({ status: response.statusCode ?? 0, headers: response.headers });
      })
        .on('error', reject)
        .end();
    });
  }

  it.each([
    ['with the token', (right: string) => `?token=${right}`, {}, 'answered'],
    ['without a token', () => '', {}, 'closed 4401'],
    ['with another token', () => '?token=x', {}, 'closed 4401'],
    ['with a longer token', (right: string) => `?token=${right}x`, {}, 'closed 4401'],
    ['for another host', (right: string) => `?token=${right}`, { host: 'attacker.example' }, 'refused 403'],
    [
      'from another page',
      (right: string) => `?token=${right}`,
      { origin: 'http://attacker.example' },
      'refused 403',
    ],
  ])('answers a socket %s as it should', async (_what, query, headers, expected) => {
    expect(await knock(query(token), headers as Record<string, string>)).toBe(expected);
  });

  it('serves its page to its own name only, under a strict policy', async () => {
    expect((await page({ host: 'attacker.example' })).status).toBe(403);
    const own = await page({ host: base.host });
    expect(own.status).toBe(200);
    const policy = String(own.headers['content-security-policy']);
    expect(policy).toMatch(/default-src '(none|self)'/);
    expect(policy).not.toMatch(/unsafe-eval|script-src[^;]*unsafe-inline/);
    expect(policy).toContain(`connect-src 'self' ws://${base.host};`);
    expect(policy).toMatch(/frame-ancestors 'none'/);
  });

  it('takes the token out of the address, and keeps it through a reload', async () => {
    expect(app.page.url()).not.toContain(token);
    await app.page.reload();
    await app.page.getByRole('contentinfo').getByText('1/1').waitFor();
  });

  it('tells a page without the token what to do', async () => {
    const context = await app.browser.newContext();
    const stranger = await context.newPage();
    await stranger.goto(`${base.origin}/`);
    await stranger.getByText(/token/i).first().waitFor();
    expect(await stranger.getByText('main').count()).toBe(0);
    await context.close();
  });

  it('ran without a complaint of the page', () => {
    expect(app.complaints).toEqual([]);
  });
});
