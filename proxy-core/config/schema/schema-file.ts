import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AttacheError } from '../../base/errors.ts';

const NAME = 'gen/envoy-schema.binpb';

/** Reads the schema that build/gen-schema.mjs made: beside the bundle, or in build/out of the project it runs from. */
export function readSchemaFile(): Uint8Array {
  const here = dirname(fileURLToPath(import.meta.url));
  for (let folder = here; ; folder = dirname(folder)) {
    for (const candidate of [join(folder, NAME), join(folder, 'build/out', NAME)]) {
      if (existsSync(candidate)) return readFileSync(candidate);
    }
    if (folder === dirname(folder)) break;
  }
  throw new AttacheError(
    'config.schema-missing',
    `The Envoy schema (${NAME}) is not beside ${here}. "npm run build" makes it.`,
  );
}
