import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answer, get, type Origin, startOrigin } from '../../integration/support.ts';
import { editor, goTo, typeOver } from '../shared/screen.ts';
import { type Fixture, openFixture, type TestFile, testFile, twoServices } from './fixture.ts';

describe('the configuration screen', () => {
  let config: TestFile;
  let first: Origin;
  let second: Origin;
  let app: Fixture;
  const applyButton = () => app.page.getByRole('button', { name: /^Apply and save/ });
  const problems = () => app.page.getByRole('region', { name: 'Problems' });
  const served = async () => (await get(app.port('main'), '/')).body;
  const onDisk = () => readFileSync(config.file, 'utf8');

  beforeAll(async () => {
    first = await startOrigin(answer(200, 'first'));
    second = await startOrigin(answer(200, 'second'));
    config = testFile('envoy.yaml', twoServices(first.address, second.address));
    app = await openFixture('ui', ['-c', config.file]);
    await goTo(app.page, 'config');
    await editor(app.page).waitFor();
  });

  afterAll(async () => {
    await app?.close();
    await first?.close();
    await second?.close();
    config?.remove();
  });

  it('shows a mistake with its line while it is typed, and does not let it be applied', async () => {
    expect(await applyButton().isDisabled()).toBe(true);
    await typeOver(app.page, 'connect_timeout: 1s', 'connect_timeout: 1sec');
    const line =
      onDisk()
        .split('\n')
        .findIndex((text) => text.includes('connect_timeout')) + 1;
    const problem = problems().getByRole('button', { name: /“1sec” is not a duration/ });
    await problem.waitFor();
    expect(await problem.textContent()).toMatch(new RegExp(`clusters\\[0\\]\\.connect_timeout${line}$`));
    await app.page.locator('.cm-lintRange-error', { hasText: '1sec' }).waitFor();
    expect(await applyButton().isDisabled()).toBe(true);
    expect(await served()).toBe('first');
  });

  it('mends it with the quick fix', async () => {
    await problems().getByRole('button', { name: 'Change to 1s' }).click();
    await problems().getByText('“1sec”').waitFor({ state: 'detached' });
    await app.page.getByText(/^No edits since v1/).waitFor();
  });

  it('applies an edit of a route, writes the file and says what changed', async () => {
    await typeOver(app.page, 'cluster: first_service', 'cluster: second_service');
    await app.page.getByRole('radio', { name: 'Changes' }).click();
    const changes = app.page.getByRole('complementary', { name: 'Changes' });
    await changes.locator('.cm-changedLine', { hasText: 'second_service' }).waitFor();
    await changes.locator('.cm-deletedChunk', { hasText: 'first_service' }).waitFor();
    await app.page.getByRole('radio', { name: 'Editor' }).click();
    expect(await served()).toBe('first');
    await applyButton().click();
    const strip = app.page.getByRole('status').filter({ hasText: 'v2 is running.' });
    await strip.first().waitFor();
    expect(await strip.first().textContent()).toMatch(/listeners: main updated|routes: main updated/);
    expect(await served()).toBe('second');
    expect(onDisk()).toContain('route: { cluster: second_service }');
  });

  it.each([
    ['in place', (file: string, text: string) => writeFileSync(file, text)],
    [
      'by renaming another over it',
      (file: string, text: string) => {
        writeFileSync(`${file}.new`, text);
        renameSync(`${file}.new`, file);
      },
    ],
  ])('takes up an edit of the file %s', async (_how, write) => {
    const now = await served();
    const other = now === 'first' ? 'second' : 'first';
    write(
      config.file,
      onDisk().replace(`route: { cluster: ${now}_service }`, `route: { cluster: ${other}_service }`),
    );
    await expect.poll(served, { timeout: 5000 }).toBe(other);
    await editor(app.page).getByText(`cluster: ${other}_service`).waitFor();
    await app.page.getByText(/^No edits since v\d/).waitFor();
  });

  it('says why an edit of the file is refused, and goes on with the version before', async () => {
    const good = onDisk();
    const before = await served();
    writeFileSync(config.file, good.replace('prefix: /', 'prefixx: /'));
    const banner = app.page.getByRole('alert').filter({ hasText: 'was rejected' });
    await banner.waitFor();
    expect(await banner.textContent()).toMatch(/prefixx/);
    expect(await banner.textContent()).toMatch(/v\d+ keeps running/);
    await app.page.getByText(/Edit rejected, v\d+ still running/).waitFor();
    expect(await served()).toBe(before);
    await banner.getByRole('link', { name: /Go to line \d+/ }).click();
    await app.page.locator('.cm-activeLine', { hasText: 'prefixx' }).waitFor();
    writeFileSync(config.file, good);
    await banner.waitFor({ state: 'detached' });
  });

  it('exports what runs', async () => {
    const folder = join(config.folder, 'exported');
    await app.page.getByRole('button', { name: 'Export…' }).click();
    await app.page.getByRole('textbox', { name: 'Folder to write into' }).fill(folder);
    await app.page.getByRole('button', { name: 'Write files' }).click();
    const dialog = app.page.getByRole('dialog');
    await dialog.getByText('Written:').waitFor();
    expect(await dialog.textContent()).toMatch(/3 loopback addresses/);
    await dialog.getByRole('button', { name: 'Done' }).click();
    const written = readdirSync(folder);
    expect(written.length).toBeGreaterThan(0);
    expect(written.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n')).toContain(
      'second_service',
    );
  });

  it('keeps a draft through a look at another screen', async () => {
    await typeOver(app.page, 'connect_timeout: 1s', 'connect_timeout: 7s');
    await goTo(app.page, 'traffic');
    await app.page.getByRole('grid', { name: 'Requests' }).waitFor();
    await goTo(app.page, 'config');
    await editor(app.page).getByText('connect_timeout: 7s').first().waitFor();
    await app.page.getByRole('button', { name: 'Discard edits' }).click();
    await app.page.getByText(/^No edits since v\d/).waitFor();
  });

  it('ran without a complaint of the page', () => {
    expect(app.complaints).toEqual([]);
  });
});
