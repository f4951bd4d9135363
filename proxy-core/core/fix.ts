import type { Diagnostic } from '../config/diagnostic.ts';
import { loadConfig } from '../config/load.ts';
import { applyFixes } from '../config/text-edit.ts';
import type { ConfigSource, FixedConfig } from '../facade/core-api.ts';
import { StatsStore } from '../observe/index.ts';
import { compileBootstrap } from './compile.ts';

/** One mended mistake can bring another to light; more rounds than this means that two fixes undo each other. */
const MAX_ROUNDS = 12;

/** Applies every edit that a diagnostic proposes, again and again until none is left. Reads and writes no file. */
export function fixConfig(source: ConfigSource): FixedConfig {
  const applied: Diagnostic[] = [];
  let text = source.text;
  let diagnostics: readonly Diagnostic[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const loaded = loadConfig({ ...source, text });
    const options = { serving: false, stats: new StatsStore(), logFiles: null };
    diagnostics = compileBootstrap(loaded, options).diagnostics;
    const mendable = diagnostics.filter(({ fix, range }) => fix !== undefined && range.file === source.file);
    // This one rewrites the whole text: it waits for those with a place in it.
    const local = mendable.filter(({ code }) => code !== 'config.fragment');
    const chosen = local.length > 0 ? local : mendable;
    const next = applyFixes(
      loaded.source,
      chosen.flatMap(({ fix }) => fix ?? []),
    );
    if (next === text) break;
    applied.push(...chosen);
    text = next;
  }
  return { text, applied, diagnostics };
}
