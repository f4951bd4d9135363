import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    // CI machines stall at times: there a test gets a second chance, which the report shows.
    retry: Number(process.env.ATTACHE_TEST_RETRY ?? 0),
    include: [
      'test/unit/**/*.test.ts',
      'test/unit/**/*.test.tsx',
      'test/integration/**/*.test.ts',
      'test/parity/**/*.test.ts',
    ],
    pool: 'threads',
    maxWorkers: 2,
    testTimeout: 20_000,
  },
});
