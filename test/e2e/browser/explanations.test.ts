import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { request } from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answer, cluster, type Origin, startOrigin } from '../../integration/support.ts';
import { editor, goTo, typeOver } from '../shared/screen.ts';
import { rows } from '../shared/smoke.ts';
import { faultsOf, fits } from './checks.ts';
import { type Fixture, openFixture, type TestFile, testFile } from './fixture.ts';
import { root } from './product.ts';

const shots = join(root, 'build/out/test-results/shots');
const tls = join(root, 'test/fixtures/tls');
const HTTP =
  'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const TCP = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';
const ROUTER = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';

/** HTTP by TLS with a mirror, a retry and weights; bytes to an echo; a domain within another. */
function configuration(first: string, second: string, echo: string): string {
  return `static_resources:
  listeners:
  - name: secure
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": ${TLS}
          common_tls_context:
            tls_certificates:
            - { certificate_chain: { filename: ${join(tls, 'a.test.pem')} }, private_key: { filename: ${join(tls, 'a.test.key')} } }
      filters:
      - name: http
        typed_config:
          "@type": ${HTTP}
          stat_prefix: secure
          route_config:
            name: shop_routes
            virtual_hosts:
            - name: shop
              domains: ["*", "*.shop.local"]
              routes:
              - name: mirrored
                match: { prefix: /mirrored }
                route: { cluster: first_service, request_mirror_policies: [{ cluster: second_service }] }
              - name: retried
                match: { prefix: /retried }
                route: { cluster: first_service, retry_policy: { retry_on: 5xx, num_retries: 1 } }
              - name: shared
                match: { prefix: /shared }
                route: { weighted_clusters: { clusters: [{ name: first_service, weight: 75 }, { name: second_service, weight: 25 }] } }
            - name: inner
              domains: [api.shop.local]
              routes: [{ match: { prefix: / }, route: { cluster: first_service } }]
          http_filters: [{ name: router, typed_config: { "@type": ${ROUTER} } }]
  - name: raw
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters: [{ name: tcp, typed_config: { "@type": ${TCP}, stat_prefix: raw, cluster: echo_service } }]
  clusters:
${cluster('first_service', [first])}${cluster('second_service', [second])}${cluster('echo_service', [echo])}`;
}

describe('what the drawer, the tester and the editor explain', () => {
  let config: TestFile;
  let first: Origin;
  let second: Origin;
  let echo: Server;
  let app: Fixture;
  const panel = () => app.page.locator('#request-panel');
  const drawer = () => app.page.getByRole('complementary', { name: /^(Request|Connection) \d+$/ });

  beforeAll(async () => {
    mkdirSync(shots, { recursive: true });
    first = await startOrigin(answer(200, 'first'));
    second = await startOrigin(answer(200, 'second'));
    echo = createServer((socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(echo.address() as AddressInfo).port}`;
    config = testFile('envoy.yaml', configuration(first.address, second.address, address));
    app = await openFixture('ui', ['-c', config.file]);
  });

  afterAll(async () => {
    await app?.close();
    await first?.close();
    await second?.close();
    echo?.close();
    config?.remove();
  });

  /** The screen in both themes and both sizes, and what axe says of it. */
  async function checked(name: string): Promise<void> {
    for (const theme of ['light', 'dark'] as const) {
      await app.page.emulateMedia({ colorScheme: theme });
      await fits(app.page, (size) => join(shots, `${name}-${size}-${theme}.png`));
      expect(await faultsOf(app.page), `${name} in the ${theme} theme`).toEqual([]);
    }
  }

  describe('a TCP connection', () => {
    let socket: Socket;

    beforeAll(async () => {
      socket = connect(app.port('raw'), '127.0.0.1');
      const echoed = once(socket, 'data');
      socket.write('ping\0over tcp');
      await echoed;
      await goTo(app.page, 'traffic');
    });

    afterAll(() => socket?.destroy());

    it('is a row that says open, then closed, and where it came for', async () => {
      const row = rows(app.page).filter({ hasText: `127.0.0.1:${app.port('raw')}` });
      await row.getByText('open', { exact: true }).waitFor();
      expect(await row.textContent()).not.toMatch(/no route|proxy/);
      const closed = once(socket, 'close');
      socket.end();
      await closed;
      await row.getByText('closed', { exact: true }).waitFor();
      await row.click();
    });

    it('has tabs of a connection, not of a request', async () => {
      await drawer().getByRole('tab', { name: 'From client' }).waitFor();
      const tabs = await drawer().getByRole('tab').allTextContents();
      expect(tabs).toEqual(['Overview', 'Decision', 'From client', 'From host', 'Attempts', 'Log line']);
      expect(await drawer().getAttribute('aria-label')).toMatch(/^Connection \d+$/);
      expect(await drawer().getByRole('button', { name: 'cURL' }).count()).toBe(0);
    });

    it('tells addresses, cluster, bytes each way and how it ended', async () => {
      const facts = async () => (await panel().textContent()) ?? '';
      await panel()
        .getByText(/^Went to 127\.0\.0\.1:\d+, cluster echo_service\.$/)
        .waitFor();
      expect(await facts()).toMatch(/ListenerrawCame for127\.0\.0\.1:\d+Sent13.B/);
      expect(await facts()).toMatch(/Clusterecho_service/);
      expect(await facts()).toMatch(/Flagsnone/);
      expect(await facts()).toMatch(/ConnectionC\d+Listens at127\.0\.0\.1:\d+/);
      await checked('connection-overview');
    });

    it('shows the first bytes of each way', async () => {
      for (const name of ['From client', 'From host']) {
        await drawer().getByRole('tab', { name }).click();
        await panel().getByText('70 69 6e 67 00 6f 76 65 72 20 74 63 70', { exact: false }).waitFor();
      }
      await checked('connection-bytes');
    });

    it('shows its overview when the tab that was open is one of requests', async () => {
      const seq = (await drawer().getAttribute('aria-label'))?.replace(/\D/g, '') ?? '';
      await goTo(app.page, `traffic?sel=${seq}&tab=headers`);
      await drawer().getByRole('tab', { name: 'Overview', selected: true }).waitFor();
      await app.page.keyboard.press(']');
      await drawer().getByRole('tab', { name: 'Decision', selected: true }).waitFor();
      await app.page.keyboard.press('Escape');
    });
  });

  describe('a request by TLS', () => {
    const ask = async (path: string): Promise<number> => {
      const outgoing = request({
        host: '127.0.0.1',
        port: app.port('secure'),
        path,
        servername: 'a.test',
        rejectUnauthorized: false,
        agent: false,
      });
      outgoing.end();
      const [incoming] = await once(outgoing, 'response');
      incoming.resume();
      await once(incoming, 'end');
      return incoming.statusCode;
    };
    const show = async (path: string, tab: string): Promise<void> => {
      await goTo(app.page, `traffic?q=${encodeURIComponent(`path:${path}`)}&tab=${tab}`);
      await rows(app.page).first().click();
      await panel().waitFor();
    };

    it('tells protocol, cipher and certificate of its connection', async () => {
      expect(await ask('/mirrored')).toBe(200);
      await show('/mirrored', 'overview');
      await panel()
        .getByText(/^TLSv1\.[23]$/)
        .waitFor();
      const certificate = panel().locator('details', { hasText: 'Listener’s certificate' });
      await certificate.locator('summary').click();
      await certificate
        .getByText(/a\.test/)
        .first()
        .waitFor();
      await certificate.getByText(/^[0-9a-f]{64}$/).waitFor();
      await checked('request-certificate');
    });

    it('tells what was sent beside it', async () => {
      const beside = panel().getByRole('region', { name: 'Beside the request' });
      await beside.getByText(/second_service/).waitFor();
      await drawer().getByRole('tab', { name: 'Attempts' }).click();
      await beside.getByText(/second_service/).waitFor();
    });

    it('tells why it was tried again', async () => {
      first.handler = answer(503, 'no');
      expect(await ask('/retried')).toBe(503);
      first.handler = answer(200, 'first');
      await show('/retried', 'attempts');
      await panel().getByText('of retry_on', { exact: false }).waitFor();
      expect(await panel().textContent()).toMatch(/the attempt before met 5xx of retry_on/);
      await checked('request-attempt-reasons');
    });

    it('can be asked again of the routes that run now', async () => {
      await drawer().getByRole('link', { name: 'Test' }).click();
      const url = app.page.getByRole('textbox', { name: 'URL' });
      await url.waitFor();
      expect(await url.inputValue()).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/retried$/);
      await app.page.getByRole('region', { name: 'Decision' }).getByText('retried').first().waitFor();
    });
  });

  describe('the route tester', () => {
    const decision = () => app.page.getByRole('region', { name: 'Decision' });

    it('is asked by keys alone and says where a request goes', async () => {
      await goTo(app.page, 'routes');
      await app.page.getByRole('radio', { name: 'Tester' }).click();
      const url = app.page.getByRole('textbox', { name: 'URL' });
      await expect.poll(() => url.evaluate((field) => field === document.activeElement)).toBe(true);
      await url.fill(`https://shop.local:${app.port('secure')}/shared/x`);
      await app.page.keyboard.press('Enter');
      await decision().getByText('weight 75 of 100').waitFor();
      expect(await app.page.evaluate(() => location.hash)).toContain('shared');
    });

    it('draws where many such requests would go', async () => {
      const weights = decision().getByRole('region', { name: 'By weight to the clusters' });
      expect(await weights.textContent()).toMatch(/first_service75.%/);
      const hosts = decision().getByRole('region', { name: 'Hosts of first_service' });
      expect(await hosts.textContent()).toMatch(/127\.0\.0\.1:\d+100.%1,000/);
      await checked('route-tester');
    });

    it('follows headers and says what is wrong with them', async () => {
      const headers = app.page.getByRole('textbox', { name: /^Headers/ });
      await headers.fill('x-canary');
      await app.page.getByText('Line 1 of the headers is not name: value.').waitFor();
      expect(await app.page.getByRole('button', { name: /^Explain/ }).isDisabled()).toBe(true);
      await headers.fill('x-canary: 1');
      await app.page.getByText('Line 1 of the headers').waitFor({ state: 'detached' });
      await expect.poll(() => app.page.evaluate(() => location.hash)).toContain('x-canary');
    });

    it('asks the same again from its address alone', async () => {
      await app.page.reload();
      await decision().getByText('weight 75 of 100').waitFor();
      expect(await app.page.getByRole('textbox', { name: /^Headers/ }).inputValue()).toBe('x-canary: 1');
    });

    it('says when no route takes it', async () => {
      const url = app.page.getByRole('textbox', { name: 'URL' });
      await url.fill(`https://shop.local:${app.port('secure')}/nowhere`);
      await decision().getByText(/404/).first().waitFor();
    });
  });

  describe('the editor', () => {
    const problems = () => app.page.getByRole('region', { name: 'Problems' });

    it('tells of domains within others, when it is asked to', async () => {
      await goTo(app.page, 'config');
      await editor(app.page).waitFor();
      expect(
        await problems()
          .getByText(/lies within/)
          .count(),
      ).toBe(0);
      await problems().getByRole('checkbox', { name: 'Look at routes too' }).check();
      await problems()
        .getByRole('button', { name: /lies within/ })
        .first()
        .waitFor();
      await checked('config-lint');
      await problems().getByRole('checkbox', { name: 'Look at routes too' }).uncheck();
      await problems()
        .getByRole('button', { name: /lies within/ })
        .waitFor({ state: 'detached' });
    });

    it('makes all proposed edits at one key, and takes them back at another', async () => {
      for (const [wrong, count] of [
        ['connect_timeout: 3sec', 1],
        ['connect_timeout: 2sec', 2],
      ] as const) {
        await typeOver(app.page, 'connect_timeout: 1s', wrong);
        await expect
          .poll(() =>
            problems()
              .getByRole('button', { name: /is not a duration/ })
              .count(),
          )
          .toBe(count);
      }
      await problems()
        .getByRole('button', { name: /^Fix all 2/ })
        .waitFor();
      await checked('config-fix-all');
      await editor(app.page).click();
      await app.page.keyboard.press('ControlOrMeta+Shift+Period');
      await problems()
        .getByRole('button', { name: /is not a duration/ })
        .first()
        .waitFor({ state: 'detached' });
      await app.page.keyboard.press('ControlOrMeta+z');
      await expect
        .poll(() =>
          problems()
            .getByRole('button', { name: /is not a duration/ })
            .count(),
        )
        .toBe(2);
      await problems()
        .getByRole('button', { name: /^Fix all 2/ })
        .click();
      await problems()
        .getByRole('button', { name: /is not a duration/ })
        .first()
        .waitFor({ state: 'detached' });
      await app.page.getByRole('button', { name: 'Discard edits' }).click();
    });
  });

  it('the page had nothing to complain about', async () => {
    expect(app.complaints).toEqual([]);
  });
});
