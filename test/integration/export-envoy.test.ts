import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createProxyCore } from '../../proxy-core/index.ts';

const root = join(__dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'attache-export-'));
const envoy = process.env['ENVOY_BIN'];
if (envoy === undefined)
  console.log('ENVOY_BIN is not set: what is exported is checked by our own validation only.');

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the exported demo shop is the file as it was written, and real Envoy accepts it', async () => {
  const text = readFileSync(join(root, 'build/demo/shop.yaml'), 'utf8');
  const core = createProxyCore({});
  try {
    const report = core.exportConfig({ file: 'shop.yaml', text }, { directory: folder });
    const file = report.files[0] as string;
    // Comments and order are kept: nothing in it needed a change.
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(report.changes).toEqual([]);
    expect(report.loopback.length).toBeGreaterThan(0);
    expect(core.validate({ file, text: readFileSync(file, 'utf8') }).ok).toBe(true);
    if (envoy !== undefined) {
      const output = execFileSync(envoy, ['--mode', 'validate', '-c', file, '--use-dynamic-base-id'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      expect(output).toContain('OK');
    }
  } finally {
    await core.close({ drain: 0 });
  }
});
