import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

export const SIZES = [
  { name: 'wide', width: 1440, height: 900 },
  { name: 'narrow', width: 1024, height: 700 },
] as const;

/** Nothing is wider than the window at any size; a picture of each goes where `shot` says. Ends at the wide one. */
export async function fits(page: Page, shot: (size: string) => string): Promise<void> {
  for (const size of SIZES) {
    await page.setViewportSize(size);
    // Sizes are observed and drawn again a frame later.
    await page.waitForTimeout(250);
    const path = shot(size.name);
    await page.screenshot({ path });
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(overflow, `${path} is wider than ${size.width} px`).toBe(0);
  }
  await page.setViewportSize(SIZES[0]);
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string | null;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/** Violations that axe calls serious or critical, each with the first place where it is. */
export async function faultsOf(page: Page): Promise<string[]> {
  // As the debugger does it: the page's policy lets no script in that is not its own.
  await page.evaluate(`if (typeof axe === 'undefined') { ${axe.source} }`);
  const { violations } = (await page.evaluate(
    `axe.run(document, { resultTypes: ['violations'] })`,
  )) as AxeResult;
  return violations
    .filter((each) => each.impact === 'serious' || each.impact === 'critical')
    .flatMap((each) =>
      each.nodes
        .slice(0, 4)
        .map((node) => `${each.id}: ${node.html.slice(0, 200)} ${node.failureSummary ?? ''}`),
    );
}
