import { chmodSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { out, packageVersion, root } from './paths.mjs';

/**
 * How TypeScript of this project becomes one CommonJS file for Node. `import.meta.url` is given a meaning there, and
 * `process.env.ATTACHE_OUT` is the way from the bundle to build/out; the demo's configuration is put in as text.
 */
function nodeBundle({ entry, outfile, target = 'node20', banner = '', external = [] }) {
  return {
    entryPoints: [join(root, entry)],
    outfile: resolve(root, outfile),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target,
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'none',
    // A third less to read at each start; names stay for stack traces and profiles.
    minifyWhitespace: true,
    minifySyntax: true,
    metafile: true,
    logLevel: 'warning',
    external: ['bufferutil', 'utf-8-validate', ...external],
    banner: {
      js: `${banner}const importMetaUrl = require('node:url').pathToFileURL(__filename).href;`,
    },
    define: {
      'import.meta.url': 'importMetaUrl',
      'process.env.ATTACHE_OUT': JSON.stringify(relative(join(resolve(root, outfile), '..'), out) || '.'),
      'process.env.ATTACHE_DEMO_SHOP': JSON.stringify(
        readFileSync(join(root, 'build/demo/shop.yaml'), 'utf8'),
      ),
      'process.env.ATTACHE_VERSION': JSON.stringify(packageVersion()),
    },
  };
}

/** A sandboxed preload has no node modules at all: no banner, nothing but `require('electron')`. */
function preloadBundle(outfile, target) {
  const entry = 'electron/desktop/preload.ts';
  return { ...nodeBundle({ entry, outfile, target, external: ['electron'] }), banner: {} };
}

/** The bundles of the product. */
export const bundles = {
  cli: nodeBundle({
    entry: 'electron/headless/cli.ts',
    outfile: 'build/out/cli.cjs',
    banner: '#!/usr/bin/env node\n',
  }),
  'desktop-main': nodeBundle({
    entry: 'electron/desktop/main.ts',
    outfile: 'build/out/desktop/main.cjs',
    target: 'node22',
    external: ['electron'],
  }),
  'desktop-preload': preloadBundle('build/out/desktop/preload.cjs', 'chrome130'),
};

/** The desktop app for the Electron 22 that the end-to-end tests use where no current one is installed. */
export const legacyDesktopBundles = {
  main: nodeBundle({
    entry: 'test/e2e/electron/legacy-main.ts',
    outfile: 'build/out/e2e/desktop/main.cjs',
    target: 'node16',
    external: ['electron'],
  }),
  preload: preloadBundle('build/out/e2e/desktop/preload.cjs', 'chrome108'),
};

/** The bundle of one script, for `build/run.mjs`. Packages stay outside: they are in node_modules. */
export function scriptBundle(entry) {
  const name = relative(root, resolve(entry))
    .replace(/[\\/]/g, '-')
    .replace(/\.tsx?$/, '.cjs');
  return {
    ...nodeBundle({ entry: relative(root, resolve(entry)), outfile: `build/out/scripts/${name}` }),
    packages: 'external',
  };
}

/**
 * Runs esbuild for one bundle.
 * @returns {Promise<string[]>} the files that went into it, without those of node_modules
 */
export async function bundle(options) {
  const { build } = await import('esbuild');
  const { metafile } = await build(options);
  if (options.banner.js?.startsWith('#!')) chmodSync(options.outfile, 0o755);
  return Object.keys(metafile.inputs)
    .filter((file) => !file.includes('node_modules') && !file.startsWith('<'))
    .map((file) => resolve(file));
}
