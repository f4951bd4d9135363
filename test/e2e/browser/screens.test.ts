import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { editor, goTo, typeOver, whenEjectedIsShown } from '../shared/screen.ts';
import { rows } from '../shared/smoke.ts';
import { faultsOf, fits, SIZES } from './checks.ts';
import { type Fixture, openFixture } from './fixture.ts';
import { root } from './product.ts';

const shots = join(root, 'build/out/test-results/shots');
const THEMES = ['dark', 'light'] as const;

/** How to get to each screen, and what is there when it is drawn. */
const SCREENS: readonly { readonly name: string; readonly open: (page: Page) => Promise<unknown> }[] = [
  {
    name: 'overview',
    open: async (page) => {
      await goTo(page, 'overview?sel=inventory_service');
      await page.getByText(/^Why \d+ is out$/).waitFor();
    },
  },
  {
    name: 'traffic',
    open: async (page) => {
      await goTo(page, 'traffic');
      await rows(page).nth(5).waitFor();
    },
  },
  {
    name: 'traffic-no-match',
    open: async (page) => {
      await goTo(page, 'traffic?q=path%3A%2Fnowhere');
      await page.getByText('No request matches').waitFor();
    },
  },
  {
    name: 'traffic-bad-filter',
    open: async (page) => {
      await goTo(page, 'traffic?q=statuss%3A5xx');
      await page
        .getByText(/There is no key/)
        .first()
        .waitFor();
    },
  },
  ...(['overview', 'decision', 'request', 'response', 'headers', 'attempts', 'log'] as const).map((tab) => ({
    name: `request-${tab}`,
    open: async (page: Page) => {
      await goTo(page, `traffic?q=${encodeURIComponent('attempts>1 status:200')}&tab=${tab}`);
      await rows(page).first().click();
      await page.locator('#request-panel section, #request-panel ol').first().waitFor();
    },
  })),
  {
    name: 'routes',
    open: async (page) => {
      await goTo(page, 'routes');
      await page.getByText('legacy_redirect').first().waitFor();
    },
  },
  {
    name: 'route-tester',
    open: async (page) => {
      await goTo(page, 'routes/tester');
      await page
        .getByRole('region', { name: /^Hosts of/ })
        .first()
        .waitFor();
    },
  },
  {
    name: 'clusters',
    open: async (page) => {
      await goTo(page, 'clusters/inventory_service');
      await page.getByRole('combobox').first().waitFor();
    },
  },
  {
    name: 'config',
    open: async (page) => {
      await goTo(page, 'config');
      await editor(page).waitFor();
    },
  },
  {
    name: 'config-problems',
    open: async (page) => {
      await goTo(page, 'config');
      const discard = page.getByRole('button', { name: 'Discard edits' });
      if (await discard.isVisible()) return;
      await typeOver(page, 'connect_timeout: 0.25s', 'connect_timeout: 1sec');
      await page.getByRole('button', { name: /is not a duration/ }).waitFor();
    },
  },
  {
    name: 'config-changes',
    open: async (page) => {
      await goTo(page, 'config');
      await page.getByRole('radio', { name: 'Changes' }).click();
      await page.locator('.cm-changedLine').first().waitFor();
    },
  },
  {
    name: 'config-export',
    open: async (page) => {
      await goTo(page, 'config');
      await page.getByRole('button', { name: 'Export…' }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'palette',
    open: async (page) => {
      await page.keyboard.press('Escape');
      await goTo(page, 'overview');
      await page.keyboard.press('ControlOrMeta+k');
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'shortcuts',
    open: async (page) => {
      await page.keyboard.press('Escape');
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
    },
  },
];

describe('every screen', () => {
  let app: Fixture;

  beforeAll(async () => {
    app = await openFixture('demo');
    mkdirSync(shots, { recursive: true });
    await goTo(app.page, 'clusters/inventory_service');
    const mode = app.page.getByRole('combobox', { name: /^Demo host/ }).nth(2);
    const host = ((await mode.getAttribute('aria-label')) ?? '').split(' ')[2] ?? '';
    // A while of ordinary traffic, for the charts.
    await app.page.waitForTimeout(10_000);
    await mode.selectOption('503');
    await whenEjectedIsShown(app.page, host);
    const toast = app.page.getByRole('status').filter({ hasText: 'ejected from' });
    await toast.getByRole('button', { name: 'Dismiss' }).click();
  });

  afterAll(async () => {
    await app?.close();
  });

  describe.each(THEMES)('in the %s theme', (theme) => {
    beforeAll(async () => {
      await app.page.emulateMedia({ colorScheme: theme });
      await app.page.reload();
      await app.page.getByRole('navigation', { name: 'Sections' }).waitFor();
      expect(await app.page.evaluate(() => document.documentElement.dataset['theme'])).toBe(theme);
    });

    it.each(SCREENS)('$name has no serious fault of accessibility and fits', async ({ name, open }) => {
      const { page } = app;
      await page.setViewportSize(SIZES[0]);
      await open(page);
      await fits(page, (size) => join(shots, `${name}-${size}-${theme}.png`));
      expect(await faultsOf(page)).toEqual([]);
    });
  });

  it('ran without a complaint of the page', () => {
    expect(app.complaints).toEqual([]);
  });
});
