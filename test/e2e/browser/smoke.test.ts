import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smokeTests } from '../shared/smoke.ts';
import { type OpenPage, openPage, type Product, startChromium, startProduct } from './product.ts';

describe('the web UI with the demo shop', () => {
  let product: Product;
  let browser: Browser;
  let opened: OpenPage;

  beforeAll(async () => {
    product = await startProduct('demo');
    browser = await startChromium();
    opened = await openPage(browser, product.url);
  });

  afterAll(async () => {
    await browser?.close();
    await product?.stop();
  });

  smokeTests(() => opened.page);

  it('ran without a complaint of the page', () => {
    expect(opened.complaints).toEqual([]);
  });

  it('ends well when it is told to stop', async () => {
    expect(await product.stop()).toBe(0);
  });
});
