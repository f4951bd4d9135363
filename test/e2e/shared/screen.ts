import type { Page } from 'playwright-core';

/** Goes to a screen as a link does; `place` is the address after the hash: `traffic?q=status%3A5xx`. */
export async function goTo(page: Page, place: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#/${place}`);
}

/** The editor of the configuration. */
export function editor(page: Page) {
  return page.getByRole('textbox', { name: 'Configuration, YAML' });
}

/** Finds a text in the editor and types another in its place, by keys alone. */
export async function typeOver(page: Page, found: string, typed: string): Promise<void> {
  await editor(page).click();
  await page.keyboard.press('ControlOrMeta+Home');
  await page.keyboard.press('ControlOrMeta+f');
  const search = page.locator('.cm-search input[name=search]');
  await search.fill(found);
  // The panel takes the text with the next key that is let go.
  await search.press('End');
  await search.press('Enter');
  await page.keyboard.press('Escape');
  await page.keyboard.insertText(typed);
}

/** Waits until a host is shown as ejected, then @returns the page's clock at that moment, milliseconds since 1970. */
export async function whenEjectedIsShown(page: Page, host: string): Promise<number> {
  const seen = await page.waitForFunction(
    (address) => {
      const row = [...document.querySelectorAll('tbody tr')].find((each) =>
        each.textContent?.includes(address),
      );
      const footer = document.querySelector('footer')?.textContent ?? '';
      return /failed_outlier_check.*#\d/.test(row?.textContent ?? '') && /ejected/.test(footer)
        ? Date.now()
        : 0;
    },
    host,
    { timeout: 20_000, polling: 'raf' },
  );
  return seen.jsonValue();
}

/** Milliseconds of the day that a `HH:MM:SS.mmm` says, in the zone of the page. */
export function timeOfDay(text: string): number {
  const [, hours, minutes, seconds, milliseconds] = /(\d+):(\d+):(\d+)\.(\d{3})/.exec(text) ?? [];
  if (milliseconds === undefined) throw new Error(`Not a time: ${text}`);
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + Number(milliseconds);
}

/** How long after an event with this text something was seen, milliseconds. */
export async function delayAfter(page: Page, event: string, seenAt: number): Promise<number> {
  const day = 24 * 60 * 60 * 1000;
  const seen = await page.evaluate((at) => {
    const date = new Date(at);
    return (
      ((date.getHours() * 60 + date.getMinutes()) * 60 + date.getSeconds()) * 1000 + date.getMilliseconds()
    );
  }, seenAt);
  return (seen - timeOfDay(event) + day) % day;
}
