import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answer, get, type Origin, startOrigin } from '../../integration/support.ts';
import { delayAfter, goTo, whenEjectedIsShown } from '../shared/screen.ts';
import { rows } from '../shared/smoke.ts';
import { type Fixture, openFixture, type TestFile, testFile } from './fixture.ts';
import { root } from './product.ts';

/** From the event in the core to the screen, milliseconds. */
const SOON = 2000;

describe('a listener file whose cluster is given on the command line', () => {
  let seed: TestFile;
  let origins: readonly Origin[];
  let app: Fixture;
  let bad: Origin;

  beforeAll(async () => {
    const text = readFileSync(join(root, 'test/fixtures/seed-listener.yaml'), 'utf8');
    seed = testFile('listener.yaml', text.replace('port_value: 8080', 'port_value: 0'));
    origins = [await startOrigin(), await startOrigin(), await startOrigin(answer(503, 'no stock'))];
    bad = origins[2] as Origin;
    const given = `inventory_service=${origins.map((origin) => origin.address).join(',')}`;
    app = await openFixture('ui', ['-c', seed.file, '--cluster', given]);
  });

  afterAll(async () => {
    await app?.close();
    await Promise.all((origins ?? []).map((origin) => origin.close()));
    seed?.remove();
  });

  it('serves, and shows that the cluster is not of the file', async () => {
    expect((await get(app.port('main_http_listener'), '/inventory/1')).status).toBeLessThan(600);
    await goTo(app.page, 'clusters/inventory_service');
    await app.page.getByText('given on the command line').waitFor();
  });

  it('shows within two seconds that the host with five 503 is ejected', async () => {
    const shown = whenEjectedIsShown(app.page, bad.address);
    for (let i = 0; bad.hits < 5 && i < 30; i++) await get(app.port('main_http_listener'), `/inventory/${i}`);
    const seenAt = await shown;
    await app.page.getByText(`${bad.address} ejected from inventory_service`).waitFor();
    await app.page.getByRole('link', { name: 'Clusters 1 host ejected' }).waitFor();
    await goTo(app.page, 'traffic');
    const event = app.page.getByRole('row').filter({ hasText: 'timeline' }).filter({ hasText: bad.address });
    expect(await delayAfter(app.page, (await event.first().textContent()) ?? '', seenAt)).toBeLessThan(SOON);
  });

  it('keeps the traffic away from it', async () => {
    const before = bad.hits;
    for (let i = 0; i < 12; i++) {
      expect((await get(app.port('main_http_listener'), `/inventory/after-${i}`)).status).toBe(200);
    }
    expect(bad.hits).toBe(before);
    await expect.poll(() => rows(app.page).filter({ hasText: '/inventory/after-11' }).count()).toBe(1);
  });

  it('says on the overview why it is out', async () => {
    await goTo(app.page, 'overview?sel=inventory_service');
    const panel = app.page.getByRole('complementary', { name: 'Selected: inventory_service' });
    await panel.getByText(/^Why \d+ is out$/).waitFor();
    await panel
      .getByText(/is ejected for 30 s .*5xx/)
      .first()
      .waitFor();
  });

  it('ran without a complaint of the page', () => {
    expect(app.complaints).toEqual([]);
  });
});
