import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LaunchedApp, launchApp } from './launch.ts';

const shots = fileURLToPath(new URL('../../../build/out/test-results/shots', import.meta.url));

describe('the desktop app with the demo shop', () => {
  let app: LaunchedApp;

  beforeAll(async () => {
    app = await launchApp();
  });

  afterAll(async () => {
    await app?.quit();
  });

  it('opens a window on its own scheme that shows the overview', async () => {
    await app.page.waitForSelector('nav');
    expect(app.page.url()).toMatch(/^app:\/\/attache\//);
    await expect.poll(() => app.page.textContent('body'), { timeout: 20_000 }).toContain('shop_listener');
  });

  it("shows the demo's traffic as it comes", async () => {
    const total = () =>
      app.page.evaluate(async () => {
        const { recorder } = await (globalThis as unknown as AttacheWindow).attache.call(
          'app.resync',
          undefined,
        );
        return recorder.total;
      });
    await expect.poll(total, { timeout: 20_000 }).toBeGreaterThan(20);
    mkdirSync(shots, { recursive: true });
    await app.page.screenshot({ path: join(shots, 'desktop-overview.png') });
  });

  it('gives the page the contract and nothing of Node or Electron', async () => {
    const globals = await app.page.evaluate(() => {
      const scope = globalThis as unknown as Record<string, unknown>;
      return {
        bridge: Object.keys(scope['attache'] as object).sort(),
        node: ['require', 'process', 'module', 'Buffer', 'ipcRenderer'].filter((name) => name in scope),
      };
    });
    expect(globals).toEqual({ bridge: ['call', 'on', 'onConnection'], node: [] });
  });

  it('refuses calls that the contract does not know, with a code', async () => {
    const error = await app.page.evaluate(async () => {
      const { attache } = globalThis as unknown as AttacheWindow;
      return attache.call('app.quit', undefined).then(
        () => null,
        (failure: unknown) => failure,
      );
    });
    expect(error).toMatchObject({ code: 'ipc.bad-call' });
  });

  it('stays on its page', async () => {
    await app.page.evaluate(() => {
      location.href = 'http://127.0.0.1:9/';
    });
    await app.page.waitForTimeout(300);
    expect(app.page.url()).toMatch(/^app:\/\/attache\//);
    expect(await app.page.evaluate(() => window.open('about:blank') === null)).toBe(true);
  });

  it('ran without a complaint of the page', () => {
    expect(app.complaints).toEqual([]);
  });

  it('gives its ports back and ends well when it is told to quit', async () => {
    const address = await app.page.evaluate(async () => {
      const { listeners } = await (globalThis as unknown as AttacheWindow).attache.call(
        'state.get',
        undefined,
      );
      return listeners[0]?.address;
    });
    const health = () => fetch(`http://${address}/healthz`);
    expect((await health()).status).toBe(404);
    expect(await app.quit()).toBe(0);
    await expect(health()).rejects.toThrow();
  });
});

interface AttacheWindow {
  readonly attache: {
    call(
      name: string,
      args: unknown,
    ): Promise<{
      readonly recorder: { readonly total: number };
      readonly listeners: readonly { readonly address: string }[];
    }>;
  };
}
