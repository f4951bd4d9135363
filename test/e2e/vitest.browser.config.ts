import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The built web UI in a real Chromium: one file at a time, with patience. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/e2e/browser/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
