import { createRequire } from 'node:module';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

test('a bundle enters fengari in the right order, too', async () => {
  const bundled = await build({
    stdin: {
      contents:
        "import { LuaMachine } from './machine.ts'; new LuaMachine('x = 1'); module.exports = 'loaded';",
      resolveDir: 'proxy-core/lua',
      loader: 'ts',
    },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    minifySyntax: true,
  });
  const module = { exports: '' };
  new Function('module', 'require', bundled.outputFiles[0]?.text ?? '')(
    module,
    createRequire(import.meta.url),
  );
  expect(module.exports).toBe('loaded');
});
