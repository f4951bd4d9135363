import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The built web UI in a real Chromium: one file at a time, with patience. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    // CI machines stall at times: there a test gets a second chance, which the report shows.
    retry: Number(process.env.ATTACHE_TEST_RETRY ?? 0),
    include: ['test/e2e/browser/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
