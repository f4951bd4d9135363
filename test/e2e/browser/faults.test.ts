import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answer, bootstrap, cluster, get, type Origin, startOrigin } from '../../integration/support.ts';
import { goTo } from '../shared/screen.ts';
import { rows } from '../shared/smoke.ts';
import { type Fixture, openFixture, type TestFile, testFile } from './fixture.ts';

describe('a port that another program has', () => {
  let occupant: Origin;
  let origin: Origin;
  let config: TestFile;
  let app: Fixture;
  const withPort = (port: number) => bootstrap({ port, clusters: cluster('service', [origin.address]) });

  beforeAll(async () => {
    occupant = await startOrigin(answer(200, 'another program'));
    origin = await startOrigin(answer(200, 'service'));
    config = testFile('envoy.yaml', withPort(occupant.port));
    app = await openFixture('ui', ['-c', config.file]);
  });

  afterAll(async () => {
    await app?.close();
    await origin?.close();
    await occupant?.close();
    config?.remove();
  });

  it('is said with its number and the way out', async () => {
    const banner = app.page.getByRole('alert').filter({ hasText: 'was rejected, so nothing runs' });
    await banner.waitFor();
    expect(await banner.textContent()).toContain(`Listener main cannot bind 127.0.0.1:${occupant.port}`);
    await banner.getByRole('link', { name: /Go to line/ }).click();
    await app.page.locator('.cm-activeLine', { hasText: 'name: main' }).waitFor();
  });

  it('is mended by an edit of the file', async () => {
    const free = await startOrigin();
    await free.close();
    writeFileSync(config.file, withPort(free.port));
    await app.page
      .getByRole('alert')
      .filter({ hasText: 'was rejected, so nothing runs' })
      .waitFor({ state: 'detached' });
    expect((await get(free.port, '/mended')).body).toBe('service');
    await goTo(app.page, 'traffic');
    await rows(app.page).filter({ hasText: '/mended' }).waitFor();
  });

  it('ran without a complaint of the page', () => {
    expect(app.complaints).toEqual([]);
  });
});

describe('a file that is refused at the start', () => {
  let config: TestFile;
  let app: Fixture;

  beforeAll(async () => {
    const broken = Array.from({ length: 100 }, (_, i) => `  - name: c${i}\n    connect_timeout: 1sec\n`).join(
      '',
    );
    config = testFile('envoy.yaml', `static_resources:\n  clusters:\n${broken}`);
    app = await openFixture('ui', ['-c', config.file]);
  });

  afterAll(async () => {
    await app?.close();
    config?.remove();
  });

  it('is shown with all its problems, and can be mended', async () => {
    const banner = app.page.getByRole('alert').filter({ hasText: 'was rejected, so nothing runs' });
    await banner.waitFor();
    expect(await banner.textContent()).toMatch(/And 99 more errors/);
    await banner.getByRole('link', { name: 'Go to line 4' }).click();
    await app.page
      .getByRole('button', { name: /“1sec” is not a duration/ })
      .nth(99)
      .waitFor({ state: 'attached' });
    writeFileSync(config.file, 'static_resources: {}\n');
    await banner.waitFor({ state: 'detached' });
    await app.page.getByText('Running', { exact: true }).waitFor();
  });

  it('ran without a complaint of the page', () => {
    expect(app.complaints).toEqual([]);
  });
});
