import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The built desktop app in a real Electron: one at a time, with patience. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/e2e/electron/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
