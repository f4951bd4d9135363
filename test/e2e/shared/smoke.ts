import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { delayAfter, goTo, typeOver, whenEjectedIsShown } from './screen.ts';

/** From the event in the core to the screen, milliseconds. */
const SOON = 2000;

/** What every shell must show of the demo shop; the tests go on where the one before stopped. */
export function smokeTests(open: () => Page): void {
  it('shows the listener, the routes, the clusters and the hosts that run', async () => {
    const page = open();
    await goTo(page, 'overview');
    const main = page.getByRole('main');
    for (const name of [
      'shop_listener',
      'inventory_reserve',
      'catalog',
      'inventory_service',
      'user_service',
    ]) {
      await main.getByText(name, { exact: true }).first().waitFor();
    }
    await main.getByText('3/3 up').waitFor();
    await main
      .getByText(/^127\.0\.0\.1:\d+$/)
      .first()
      .waitFor();
  });

  it('shows requests as they come', async () => {
    const page = open();
    await goTo(page, 'traffic');
    await rows(page).nth(5).waitFor();
    const count = () => page.getByTitle('The filter runs in the core', { exact: false }).textContent();
    const before = await count();
    await expect.poll(count, { timeout: 5000 }).not.toBe(before);
  });

  it('tells why a request went where it went', async () => {
    const page = open();
    await page
      .getByRole('textbox', { name: 'Filter requests' })
      .fill('route:inventory attempts:1 status:200');
    await rows(page).nth(3).click();
    const drawer = page.getByRole('complementary', { name: /^Request \d+/ });
    await drawer.getByRole('tab', { name: 'Decision' }).click();
    const trace = drawer.getByRole('list');
    await trace.getByRole('img', { name: 'won' }).first().waitFor();
    const text = await trace.textContent();
    expect(text).toMatch(/inventory_reserve/);
    expect(text).toMatch(/inventory_service/);
    expect(text).toMatch(/127\.0\.0\.1:\d+/);
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'detached' });
  });

  it('applies an edit of the configuration', async () => {
    const page = open();
    await goTo(page, 'config');
    await typeOver(page, 'base_ejection_time: 30s', 'base_ejection_time: 3s');
    await typeOver(page, 'interval: 5s', 'interval: 1s');
    await page.getByRole('button', { name: /^Apply/ }).click();
    await page.getByText('v2 is running.').waitFor();
    await page.getByText(/clusters: inventory_service updated/).waitFor();
  });

  it('shows an ejection within two seconds, as a row among the requests and as a toast', async () => {
    const page = open();
    await goTo(page, 'clusters/inventory_service');
    const mode = page.getByRole('combobox', { name: /^Demo host/ }).nth(2);
    const host = ((await mode.getAttribute('aria-label')) ?? '').split(' ')[2] ?? '';
    await mode.selectOption('503');
    const seenAt = await whenEjectedIsShown(page, host);
    await page.getByText(`${host} ejected from inventory_service`).waitFor();
    await goTo(page, 'traffic');
    const row = page.getByRole('row').filter({ hasText: 'timeline' }).filter({ hasText: host });
    await row.first().waitFor();
    expect(await delayAfter(page, (await row.first().textContent()) ?? '', seenAt)).toBeLessThan(SOON);
  });

  it('shows the host return when it answers again', async () => {
    const page = open();
    await goTo(page, 'clusters/inventory_service');
    await page
      .getByRole('combobox', { name: /^Demo host/ })
      .nth(2)
      .selectOption('healthy');
    await expect
      .poll(() => page.getByRole('table').first().textContent(), { timeout: 20_000 })
      .toMatch(/was out \d+×/);
    await expect.poll(() => page.getByRole('contentinfo').textContent()).not.toMatch(/ejected/);
    await page.getByText(/is back in inventory_service/).waitFor();
  });
}

export function rows(page: Page) {
  return page.getByRole('grid', { name: 'Requests' }).locator('[role=row][aria-selected]');
}
