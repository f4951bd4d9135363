import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answer, bootstrap, get, type Origin, startOrigin } from '../../integration/support.ts';
import { goTo } from '../shared/screen.ts';
import { type Fixture, openFixture, type TestFile, testFile } from './fixture.ts';

describe('a cluster with active health checks', () => {
  let config: TestFile;
  let origins: readonly Origin[];
  let app: Fixture;
  let good: Origin;
  let sick: Origin;

  beforeAll(async () => {
    origins = [await startOrigin(), await startOrigin(), await startOrigin()];
    [good, sick] = origins as [Origin, Origin];
    sick.handler = answer(503, 'no');
    const endpoints = origins.map(
      ({ port }) =>
        `{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }`,
    );
    config = testFile(
      'shop.yaml',
      bootstrap({
        routes: `              - match: { prefix: / }
                route: { cluster: shop }
`,
        clusters: `  - name: shop
    common_lb_config: { update_merge_window: 0s }
    health_checks:
    - timeout: 2s
      interval: 0.3s
      no_traffic_interval: 0.3s
      unhealthy_threshold: 1
      healthy_threshold: 1
      http_health_check: { path: /hc }
    load_assignment:
      cluster_name: shop
      endpoints: [{ lb_endpoints: [${endpoints.join(', ')}] }]
`,
      }),
    );
    app = await openFixture('ui', ['-c', config.file]);
    await goTo(app.page, 'clusters/shop');
  });

  afterAll(async () => {
    await app?.close();
    await Promise.all((origins ?? []).map((origin) => origin.close()));
    config?.remove();
  });

  const row = (host: Origin) => app.page.getByRole('row').filter({ hasText: host.address });
  const history = (host: Origin) =>
    app.page.getByRole('complementary', { name: `History of ${host.address}` });

  it('shows who is out, and why', async () => {
    await row(sick).getByText('/failed_active_hc').waitFor();
    await row(sick).getByText('fails its health check: 503 Service Unavailable').waitFor();
    await row(good).getByText('healthy', { exact: true }).waitFor();
  });

  it('opens the history of a host from the keyboard, and closes it with Esc', async () => {
    const button = app.page.getByRole('button', { name: `History of ${sick.address}` });
    await button.focus();
    await app.page.keyboard.press('Enter');
    const panel = history(sick);
    await panel.getByText('Fails its health check: 503 Service Unavailable.').waitFor();
    await panel.getByText('GET /hc', { exact: true }).waitFor();
    await panel.getByRole('listitem').filter({ hasText: 'its health check failed' }).first().waitFor();
    await app.page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    expect(await button.evaluate((element) => element === document.activeElement)).toBe(true);
  });

  it('tells the return of a host as it happens', async () => {
    await app.page.getByRole('button', { name: `History of ${sick.address}` }).click();
    sick.handler = answer(200);
    await history(sick).getByText('is healthy again: its health check passed').waitFor();
    await row(sick).getByText('/failed_active_hc').waitFor({ state: 'detached' });
    await history(sick).getByRole('button', { name: 'Close history' }).click();
  });

  it('ejects a host by hand at once, keeps traffic from it, and takes it back', async () => {
    const eject = app.page.getByRole('button', { name: `Eject ${good.address}` });
    await eject.focus();
    await app.page.keyboard.press('Enter');
    await row(good).getByText('/ejected_manually').waitFor();
    await row(good).getByText('by hand', { exact: true }).waitFor();
    const asked: string[] = [];
    good.handler = (request, response) => {
      asked.push(request.url ?? '');
      answer(200)(request, response);
    };
    const port = app.port('main');
    for (let i = 0; i < 9; i++) expect((await get(port, `/while-out-${i}`)).status).toBe(200);
    expect(asked.filter((path) => path.startsWith('/while-out'))).toEqual([]);
    await app.page.getByText(`You ejected ${good.address} from shop`).waitFor();
    await app.page.getByRole('button', { name: `Un-eject ${good.address}` }).press('Enter');
    await row(good).getByText('/ejected_manually').waitFor({ state: 'detached' });
    for (let i = 0; i < 9; i++) await get(port, `/back-${i}`);
    expect(asked.some((path) => path.startsWith('/back'))).toBe(true);
  });

  it('undoes an ejection from the message about it', async () => {
    await app.page
      .getByRole('button', { name: `Eject ${good.address}` })
      .first()
      .click();
    const toast = app.page.getByRole('status').filter({ hasText: `You ejected ${good.address}` });
    await toast.getByRole('button', { name: 'Undo' }).click();
    await row(good).getByText('/ejected_manually').waitFor({ state: 'detached' });
    await app.page.getByRole('button', { name: `History of ${good.address}` }).click();
    await expect
      .poll(() => history(good).getByRole('listitem').filter({ hasText: 'by hand' }).count())
      .toBe(4);
  });

  it('ran without a complaint of the page', () => {
    expect(app.complaints).toEqual([]);
  });
});
