import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The built desktop app in a real Electron: one at a time, with patience. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    // CI machines stall at times: there a test gets a second chance, which the report shows.
    retry: Number(process.env.ATTACHE_TEST_RETRY ?? 0),
    include: ['test/e2e/electron/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
