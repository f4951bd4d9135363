import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CaptureSwitch } from '../../../../../electron/app/capture/capture-switch.ts';
import { ConfigSession } from '../../../../../electron/app/config-session.ts';
import { RecentFiles } from '../../../../../electron/app/recent-files.ts';
import { createProxyCore, type ProxyCore } from '../../../../../proxy-core/index.ts';

const CONFIG = `
static_resources:
  listeners:
    - name: web
      address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
      filter_chains: [{ filters: [] }]
`;

let home = '';
let core: ProxyCore;
let config: ConfigSession;
let capture: CaptureSwitch;
let blocker: Server | null = null;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'capture-switch-'));
  core = createProxyCore({});
  const recent = new RecentFiles(home);
  config = new ConfigSession({ core, settings: {}, recent, watch: false, changed: () => {} });
  capture = new CaptureSwitch(config, home);
});

afterEach(async () => {
  await capture.close();
  config.close();
  await core.close({ drain: 0 });
  blocker?.close();
  blocker = null;
  await rm(home, { recursive: true, force: true });
});

const listeners = (): string[] => core.state().listeners.map(({ name }) => name);

test('on, beside what runs, through an edit, and off', async () => {
  await config.openDemo(CONFIG);
  const state = await capture.start({ port: 0, intercept: ['*.example.com'] });
  expect(state.proxy).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(state.intercept).toEqual(['*.example.com']);
  expect(state.caFile).toContain(home);
  expect(listeners()).toEqual(['web', 'attache.capture', 'attache.intercept']);
  expect(config.state().runningVersion).toBe(core.state().version);
  await config.apply(CONFIG.replace('web', 'shop'), false);
  expect(listeners()).toEqual(['shop', 'attache.capture', 'attache.intercept']);
  expect(config.state().runningText).not.toContain('attache');
  expect(await capture.stop()).toEqual({ proxy: '', intercept: [], caFile: '' });
  expect(listeners()).toEqual(['shop']);
});

test('on, with nothing open', async () => {
  await capture.start({ port: 0, intercept: [] });
  expect(listeners()).toEqual(['attache.capture']);
  expect(config.state().runningText).toBe('');
  await config.openDemo(CONFIG);
  expect(listeners()).toEqual(['web', 'attache.capture']);
});

test('on in another way', async () => {
  const first = await capture.start({ port: 0, intercept: ['a.test'] });
  const second = await capture.start({ port: 0, intercept: [] });
  expect(second.proxy).not.toBe(first.proxy);
  expect(listeners()).toEqual(['attache.capture']);
});

test('what cannot be switched on is told, and what ran goes on', async () => {
  await config.openDemo(CONFIG);
  const state = await capture.start({ port: 0, intercept: [] });
  const taken = createServer();
  blocker = taken;
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const address = taken.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await expect(capture.start({ port, intercept: [] })).rejects.toMatchObject({ code: 'capture.refused' });
  await expect(capture.start({ port: 0, intercept: ['http://a'] })).rejects.toMatchObject({
    code: 'capture.bad-pattern',
  });
  expect(capture.state()).toEqual(state);
  expect(listeners()).toEqual(['web', 'attache.capture']);
});
