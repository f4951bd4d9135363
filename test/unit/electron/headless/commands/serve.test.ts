import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NO_FILE, USUAL_FLAGS } from '../../../../../electron/app/launch.ts';
import { serve } from '../../../../../electron/headless/commands/serve.ts';

let home = '';
let before: string | undefined;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'serve-'));
  before = process.env['ATTACHE_HOME'];
  process.env['ATTACHE_HOME'] = home;
});

afterEach(async () => {
  if (before === undefined) delete process.env['ATTACHE_HOME'];
  else process.env['ATTACHE_HOME'] = before;
  await rm(home, { recursive: true, force: true });
});

interface Said {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Starts and stops at once. */
async function run(options: { file?: string; intercept?: string[]; trust?: string[] }): Promise<Said> {
  let out = '';
  let error = '';
  const listeners = new Set(process.listeners('SIGTERM'));
  const asked = serve(
    {
      kind: 'serve',
      mode: 'serve',
      source: { ...NO_FILE, file: options.file ?? null },
      core: {
        ...USUAL_FLAGS,
        watch: false,
        drainTime: 0,
        capture: { port: 0, intercept: options.intercept ?? [], trust: options.trust ?? [] },
      },
    },
    {
      out: (text) => {
        out += text;
        if (!text.includes('captured')) return;
        for (const listener of process.listeners('SIGTERM')) {
          if (!listeners.has(listener)) listener('SIGTERM');
        }
      },
      error: (text) => {
        error += text;
      },
    },
  );
  const code = await asked;
  return { code, out, error };
}

describe('serve with capture', () => {
  test('without a configuration: says how calls come to it', async () => {
    const { code, out, error } = await run({ intercept: ['api.test'] });
    expect({ code, error }).toEqual({ code: 0, error: '' });
    const port = /attache\.capture listening on 127\.0\.0\.1:(\d+)/.exec(out)?.[1];
    expect(out).toContain(`HTTP_PROXY=http://127.0.0.1:${port} HTTPS_PROXY=http://127.0.0.1:${port}`);
    expect(out).toContain(join(home, 'ca', 'attache-ca.crt'));
  });

  test('beside a configuration', async () => {
    const file = join(home, 'web.yaml');
    await writeFile(
      file,
      'listeners:\n- { name: web, address: { socket_address: { address: 127.0.0.1, port_value: 0 } }, filter_chains: [{ filters: [] }] }\n',
    );
    const { code, out } = await run({ file });
    expect(code).toBe(0);
    expect(out).toContain('web listening on');
    expect(out).toContain('attache.capture listening on');
    expect(out).not.toContain('attache.intercept');
  });

  test.each([
    [{ intercept: ['https://a.test/'] }, '“https://a.test/” is no host pattern.'],
    [{ intercept: ['a.test'], trust: ['/nowhere/ca.pem'] }, '/nowhere/ca.pem holds no certificates'],
  ])('what cannot be is told: %j', async (options, words) => {
    const { code, error } = await run(options);
    expect(code).toBe(1);
    expect(error).toContain(words);
  });
});
