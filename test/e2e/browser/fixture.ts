import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { bootstrap, cluster } from '../../integration/support.ts';
import {
  type OpenPage,
  openPage,
  type PageOptions,
  type Product,
  startChromium,
  startProduct,
} from './product.ts';

/** A folder of this test's own, with a file in it. */
export interface TestFile {
  readonly folder: string;
  readonly file: string;
  remove(): void;
}

export function testFile(name: string, text: string): TestFile {
  const folder = mkdtempSync(join(tmpdir(), 'attache-e2e-config-'));
  const file = join(folder, name);
  writeFileSync(file, text);
  return { folder, file, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** One listener `main`, two clusters of one host each, `/` to the first. */
export function twoServices(first: string, second: string): string {
  return bootstrap({
    routes: `              - name: everything
                match: { prefix: / }
                route: { cluster: first_service }
`,
    clusters: cluster('first_service', [first]) + cluster('second_service', [second]),
  });
}

/** The product, a browser and a page of it; everything ends with `close`. */
export interface Fixture extends OpenPage {
  readonly product: Product;
  readonly browser: Browser;
  /** Where a listener was bound. */
  port(listener: string): number;
  close(): Promise<void>;
}

export async function openFixture(
  command: 'ui' | 'demo',
  args: readonly string[] = [],
  options: PageOptions = {},
): Promise<Fixture> {
  const product = await startProduct(command, args);
  const browser = await startChromium();
  const opened = await openPage(browser, product.url, options);
  return {
    ...opened,
    product,
    browser,
    port(listener) {
      const address = product.listeners.get(listener);
      if (address === undefined) throw new Error(`No listener ${listener}: ${product.output()}`);
      return Number(address.replace(/^.*:/, ''));
    },
    async close() {
      await browser.close();
      await product.stop();
    },
  };
}
