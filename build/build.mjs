/** `npm run build`: the schema, the bundles and the renderer into build/out. Parts whose inputs did not change are skipped. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureInstalled } from './lib/install.mjs';
import { root } from './lib/paths.mjs';

const scripts = ['build/build.mjs', 'build/lib', 'build/demo', 'package.json', 'package-lock.json'];

export async function buildAll() {
  const { makeIfChanged } = await import('./lib/stamps.mjs');
  const { bundle, bundles } = await import('./lib/bundles.mjs');
  const started = Date.now();
  const made = [];
  const part = async (name, options) => {
    if (await makeIfChanged(name, { ...options, inputs: [...options.inputs, ...scripts] })) made.push(name);
  };
  if (await buildSchema()) made.push('schema');
  for (const [name, options] of Object.entries(bundles)) {
    await part(name, {
      inputs: [],
      outputs: [options.outfile.slice(root.length)],
      make: () => bundle(options),
    });
  }
  await part('renderer', {
    inputs: ['renderer', 'electron/ipc', 'proxy-core/facade', 'proxy-core/config/diagnostic.ts'],
    outputs: ['build/out/renderer/index.html'],
    make: buildRenderer,
  });
  if (made.length > 0)
    console.log(`Built ${made.join(', ')} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

/** The Envoy schema, from the protos that ship with @grpc/grpc-js-xds; it knows itself whether it is still good. */
export async function buildSchema() {
  const { generateSchema } = await import('./gen-schema.mjs');
  return generateSchema().built;
}

async function buildRenderer() {
  if (!existsSync(join(root, 'renderer/index.html'))) throw new Error('renderer/index.html is missing');
  const { build } = await import('vite');
  await build({ configFile: join(root, 'renderer/vite.config.ts'), logLevel: 'warn' });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  ensureInstalled();
  try {
    await buildAll();
  } catch (error) {
    // esbuild and vite have printed their own diagnostics.
    console.error(`The build stopped: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
    process.exit(1);
  }
}
