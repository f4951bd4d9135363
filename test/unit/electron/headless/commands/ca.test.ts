import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseArguments } from '../../../../../electron/headless/arguments.ts';
import { showCa } from '../../../../../electron/headless/commands/ca.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'attache-ca-command-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(...argv: string[]): Promise<{ code: number; out: string; error: string }> {
  const parsed = parseArguments(['ca', ...argv]);
  if ('problem' in parsed || parsed.command.kind !== 'ca') throw new Error(JSON.stringify(parsed));
  const seen = { out: '', error: '' };
  const output = {
    out: (text: string) => {
      seen.out += text;
    },
    error: (text: string) => {
      seen.error += text;
    },
  };
  const code = await showCa(parsed.command, output, join(folder, 'home'));
  return { code, ...seen };
}

test('tells path, fingerprint as openssl has it, and how to trust it on each system', async () => {
  const { code, out } = await run();
  expect(code).toBe(0);
  const file = join(folder, 'home', 'ca', 'attache-ca.crt');
  expect(out).toContain(file);
  const shown = execFileSync('openssl', ['x509', '-in', file, '-noout', '-fingerprint', '-sha256'], {
    encoding: 'utf8',
  });
  expect(out).toContain((shown.split('=')[1] as string).trim());
  for (const system of ['macOS', 'Windows', 'Debian', 'Fedora', 'Firefox', 'Node.js', 'curl']) {
    expect(out).toContain(system);
  }
  expect((await run()).out).toContain('The development CA of this user');
});

test('as JSON', async () => {
  const { out } = await run('--format', 'json');
  expect(JSON.parse(out)).toMatchObject({
    created: true,
    certificate: join(folder, 'home', 'ca', 'attache-ca.crt'),
    fingerprint256: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
  });
});

test('--export writes the certificate alone', async () => {
  const file = join(folder, 'out.crt');
  const { code, out } = await run('--export', file);
  expect(code).toBe(0);
  expect(out).toContain(file);
  expect(readFileSync(file, 'utf8')).toMatch(/^-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n$/);
  expect(readdirSync(folder).sort()).toEqual(['home', 'out.crt']);
});

test('a place that cannot be written is told, exit code 1', async () => {
  const { code, error } = await run('--export', join(folder, 'absent', 'out.crt'));
  expect(code).toBe(1);
  expect(error).toContain('was not written');
});

test('takes no arguments', () => {
  expect(parseArguments(['ca', 'x'])).toEqual({ problem: 'There is one argument too many: x' });
});
