import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { get, type Origin, startOrigin } from '../../integration/support.ts';
import { goTo } from '../shared/screen.ts';
import { rows } from '../shared/smoke.ts';
import { type Fixture, openFixture, type TestFile, testFile, twoServices } from './fixture.ts';

describe('the traffic screen', () => {
  let config: TestFile;
  let origin: Origin;
  let app: Fixture;
  const ask = (path: string, headers: Record<string, string> = {}) => get(app.port('main'), path, headers);
  const filter = () => app.page.getByRole('textbox', { name: 'Filter requests' });
  const drawer = () => app.page.getByRole('complementary', { name: /^Request \d+/ });
  const tab = (name: string) => drawer().getByRole('tab', { name });
  const count = () => app.page.getByTitle('The filter runs in the core', { exact: false }).textContent();

  beforeAll(async () => {
    origin = await startOrigin((request, response) => {
      const status = Number(/^\/status\/(\d+)/.exec(request.url ?? '')?.[1] ?? 200);
      response.writeHead(status, { 'content-type': 'application/json', 'x-origin': 'first' });
      response.end('{"name":"caf\u00e9","list":[1,2]}');
    });
    config = testFile('envoy.yaml', twoServices(origin.address, origin.address));
    app = await openFixture('ui', ['-c', config.file]);
    await app.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await goTo(app.page, 'traffic');
  });

  afterAll(async () => {
    await app?.close();
    await origin?.close();
    config?.remove();
  });

  it('says where to send the first request, then shows it', async () => {
    await app.page.getByText(new RegExp(`Listening on 127\\.0\\.0\\.1:${app.port('main')}`)).waitFor();
    await ask('/first?page=1', { 'x-shop-zone': 'test zone' });
    await rows(app.page).filter({ hasText: '/first?page=1' }).waitFor();
    for (let i = 0; i < 8; i++) await ask(`/items/${i}`);
    await ask('/status/503');
    await ask('/status/404');
    await rows(app.page).nth(10).waitFor();
    expect(await count()).toBe('11 requests');
  });

  it.each([
    ['status:5xx', 1],
    ['status:503,404', 2],
    ['path:/items/*', 8],
    ['path~"items/[0-3]$"', 4],
    ['-path:/items/* status:200', 1],
    ['header:x-shop-zone', 1],
    ['items or page=1', 9],
  ])('filters with %s', async (text, matches) => {
    await filter().fill(text);
    await expect.poll(count).toBe(`${matches} of 11`);
    expect(await rows(app.page).count()).toBe(matches);
  });

  it('says what is wrong with a filter', async () => {
    await filter().fill('statuss:5xx');
    const message = 'There is no key “statuss”. Did you mean status?';
    await app.page.getByRole('main').getByText(message).first().waitFor();
    await app.page.getByRole('heading', { name: 'The filter is not understood' }).waitFor();
    await filter().fill('status:teapot');
    await app.page
      .getByText(/“teapot” does not fit status: it takes/)
      .first()
      .waitFor();
    await app.page.getByRole('button', { name: 'Show all' }).click();
    await expect.poll(count).toBe('11 requests');
  });

  it('is worked by keys alone', async () => {
    const { keyboard } = app.page;
    await app.page.getByRole('grid', { name: 'Requests' }).focus();
    await keyboard.press('k');
    await drawer().waitFor();
    const path = () => drawer().locator('header').textContent();
    expect(await path()).toContain('/status/404');
    await keyboard.press('k');
    await expect.poll(path).toContain('/status/503');
    await keyboard.press('j');
    await expect.poll(path).toContain('/status/404');
    await keyboard.press(']');
    expect(await tab('Decision').getAttribute('aria-selected')).toBe('true');
    await keyboard.press('[');
    expect(await tab('Overview').getAttribute('aria-selected')).toBe('true');
    await keyboard.press('/');
    expect(await filter().evaluate((element) => element === document.activeElement)).toBe(true);
    await keyboard.type('jk');
    expect(await filter().inputValue()).toBe('jk');
    await filter().fill('');
    await keyboard.press('Escape');
    expect(await drawer().count()).toBe(1);
    await keyboard.press('Escape');
    await drawer().waitFor({ state: 'detached' });
  });

  it('shows a body as it is read, as it came and in hex', async () => {
    await rows(app.page).filter({ hasText: '/first' }).click();
    await tab('Response').click();
    const body = drawer().locator('pre');
    await expect
      .poll(() => body.textContent())
      .toBe('{\n  "name": "café",\n  "list": [\n    1,\n    2\n  ]\n}');
    await drawer().getByRole('radio', { name: 'Raw' }).click();
    expect(await body.textContent()).toBe('{"name":"café","list":[1,2]}');
    await drawer().getByRole('radio', { name: 'Hex' }).click();
    expect(await body.textContent()).toMatch(/^000000 {2}7b 22 6e 61 6d 65 22 3a/);
  });

  it('shows what the proxy did to the headers', async () => {
    await tab('Headers').click();
    const row = (name: string) => drawer().getByRole('row').filter({ hasText: name });
    expect(await row('x-request-id').first().textContent()).toMatch(/^\+x-request-id–[0-9a-f-]{36}$/);
    expect(await row('x-envoy-upstream-service-time').textContent()).toMatch(/^\+/);
    await drawer()
      .getByRole('button', { name: /Show \d+ unchanged header/ })
      .first()
      .click();
    expect(await row('x-shop-zone').textContent()).toContain('test zone');
  });

  it('copies the request as a command that works', async () => {
    await drawer().getByRole('button', { name: 'cURL' }).click();
    await app.page.getByText('Copied as cURL').waitFor();
    const command = await app.page.evaluate(() => navigator.clipboard.readText());
    expect(command).toMatch(/^curl -i /);
    expect(command).toContain("-H 'x-shop-zone: test zone'");
    expect(command).toMatch(new RegExp(`'http://127\\.0\\.0\\.1:${app.port('main')}/first\\?page=1'`));
    await app.page.keyboard.press('Escape');
    await drawer().waitFor({ state: 'detached' });
  });

  it('copies route tests of the requests in the list', async () => {
    await app.page.keyboard.press('Control+k');
    await app.page.getByRole('combobox').fill('>route tests');
    await app.page.keyboard.press('Enter');
    await app.page.getByText(/^Copied \d+ route tests?$/).waitFor();
    const text = await app.page.evaluate(() => navigator.clipboard.readText());
    expect(text).toMatch(/^tests:\n- test_name: "GET /);
    expect(text).toContain('cluster_name: "first_service"');
  });

  it('stays where it is when the newest are not followed, and counts what came', async () => {
    const follow = app.page.getByRole('button', { name: 'Follow', exact: true }).first();
    expect(await follow.getAttribute('aria-pressed')).toBe('false');
    for (let i = 0; i < 3; i++) await ask(`/later/${i}`);
    const pill = app.page.getByRole('button', { name: '3 newer' });
    await pill.click();
    await rows(app.page).filter({ hasText: '/later/2' }).waitFor();
    expect(await follow.getAttribute('aria-pressed')).toBe('true');
  });

  it('records nothing while it is paused, and the proxy goes on', async () => {
    await app.page.getByRole('button', { name: 'Pause' }).click();
    await app.page.getByRole('button', { name: 'Record', exact: true }).waitFor();
    expect((await ask('/unseen')).status).toBe(200);
    await app.page.getByRole('button', { name: 'Record', exact: true }).click();
    await app.page.getByRole('button', { name: 'Pause' }).waitFor();
    await ask('/seen');
    await rows(app.page).filter({ hasText: '/seen' }).waitFor();
    expect(await rows(app.page).filter({ hasText: '/unseen' }).count()).toBe(0);
  });

  it('keeps the records when the window is closed and opened again; meanwhile the proxy goes on', async () => {
    const { context, product } = app;
    await app.page.close();
    for (let i = 0; i < 4; i++) expect((await ask(`/closed/${i}`)).status).toBe(200);
    const page = await context.newPage();
    page.setDefaultTimeout(8_000);
    await page.goto(product.url);
    await page.getByRole('navigation', { name: 'Sections' }).waitFor();
    await goTo(page, 'traffic');
    await rows(page).filter({ hasText: '/closed/3' }).waitFor();
    expect(await rows(page).filter({ hasText: '/first' }).count()).toBe(1);
    await page.reload();
    await rows(page).filter({ hasText: '/closed/3' }).waitFor();
    expect(await rows(page).filter({ hasText: '/first' }).count()).toBe(1);
    app = { ...app, page };
  });

  it('clears what is recorded and frees its memory', async () => {
    await app.page.getByRole('button', { name: /^Clear the recorded requests/ }).click();
    const dialog = app.page.getByRole('dialog');
    expect(await dialog.textContent()).toMatch(/\d.* of memory is freed/);
    await dialog.getByRole('button', { name: 'Clear requests' }).click();
    await app.page.getByText('No requests yet').waitFor();
    expect(await count()).toBe('0 requests');
    await ask('/after');
    await rows(app.page).filter({ hasText: '/after' }).waitFor();
    expect(await rows(app.page).count()).toBe(1);
  });

  it('ran without a complaint of the page', () => {
    expect(app.complaints).toEqual([]);
  });

  it('says that the connection is lost when the program is gone', async () => {
    app.product.process.kill('SIGKILL');
    const banner = app.page.getByRole('alert').filter({ hasText: 'The connection to Attaché is lost.' });
    await banner.waitFor();
    await rows(app.page).filter({ hasText: '/after' }).waitFor();
  });
});
