import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { supportMatrix } from './matrix/page.ts';

test('The support matrix is what compilation reads today (else: npm run matrix)', { timeout: 60_000 }, () => {
  const root = path.resolve('test/parity');
  const stale = readFileSync(path.join(root, 'support-matrix.md'), 'utf8') !== supportMatrix(root);
  expect(stale).toBe(false);
});
