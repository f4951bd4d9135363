import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goTo, whenEjectedIsShown } from '../shared/screen.ts';
import { type Fixture, openFixture } from './fixture.ts';

describe('what comes by itself', () => {
  let app: Fixture;
  let host = '';
  const mode = () => app.page.getByRole('combobox', { name: `Demo host ${host} is` });
  const toast = (text: string) => app.page.getByRole('status').filter({ hasText: text });

  beforeAll(async () => {
    app = await openFixture('demo');
    await goTo(app.page, 'clusters/inventory_service');
    const first = app.page.getByRole('combobox', { name: /^Demo host/ }).first();
    host = ((await first.getAttribute('aria-label')) ?? '').split(' ')[2] ?? '';
  });

  afterAll(async () => {
    await app?.close();
  });

  it('a switch of a demo host is a line in the list of requests, once', async () => {
    await mode().selectOption('503');
    await whenEjectedIsShown(app.page, host);
    await goTo(app.page, `traffic?q=${encodeURIComponent('attempts>1')}`);
    const line = app.page.getByText(`Demo: ${host} of inventory_service answers 503 from now on.`);
    await line.waitFor();
    expect(await line.count()).toBe(1);
  });

  it('the toast of an ejection goes when the host is back', async () => {
    await toast(`${host} ejected from inventory_service`).waitFor();
    await goTo(app.page, 'clusters/inventory_service');
    await mode().selectOption('healthy');
    await app.page.getByRole('button', { name: `Un-eject ${host}` }).click();
    await toast('ejected from inventory_service').waitFor({ state: 'detached' });
  });

  it('in a narrow window the panel of a cluster leaves the hosts in reach', async () => {
    await app.page.setViewportSize({ width: 1024, height: 700 });
    await goTo(app.page, 'overview');
    const topology = app.page.getByRole('region', { name: 'Topology' });
    const last = topology.getByText(/^127\.0\.0\.1:\d+$/).last();
    await last.waitFor();
    const panel = app.page.getByRole('complementary', { name: 'Selected: inventory_service' });
    expect(await panel.count()).toBe(0);
    await goTo(app.page, 'overview?sel=inventory_service');
    await panel.waitFor();
    await expect
      .poll(async () => {
        const [scene, side] = [await topology.boundingBox(), await panel.boundingBox()];
        return (scene?.x ?? 0) + (scene?.width ?? 0) - (side?.x ?? 0);
      })
      .toBeLessThanOrEqual(0);
    await last.scrollIntoViewIfNeeded();
    const [address, side] = [await last.boundingBox(), await panel.boundingBox()];
    expect((address?.x ?? 0) + (address?.width ?? 0)).toBeLessThanOrEqual(side?.x ?? 0);
  });

  it('the page had nothing to complain about', () => {
    expect(app.complaints).toEqual([]);
  });
});
