import type { Page } from 'playwright-core';

/** Where the page is, without the part that differs between shells: `traffic?q=status%3A5xx`. */
export async function goTo(page: Page, place: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#/${place}`);
}

/** The editor's text, by the keyboard as a user pastes it; the result is what the editor holds. */
export async function replaceInEditor(
  page: Page,
  replace: (text: string) => string,
  current: string,
): Promise<string> {
  const text = replace(current);
  if (text === current) throw new Error('The replacement changes nothing');
  const content = page.getByRole('textbox', { name: 'Configuration, YAML' });
  await content.click();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.insertText(text);
  return text;
}
