import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smokeTests } from '../shared/smoke.ts';
import { type LaunchedApp, launchApp } from './launch.ts';

describe('the desktop app with the demo shop, as a user sees it', () => {
  let app: LaunchedApp;

  beforeAll(async () => {
    app = await launchApp();
    await app.page.getByRole('navigation', { name: 'Sections' }).waitFor();
    app.page.setDefaultTimeout(8_000);
  });

  afterAll(async () => {
    await app?.quit();
  });

  smokeTests(() => app.page);

  it('ran without a complaint of the page', () => {
    expect(app.complaints).toEqual([]);
  });
});
