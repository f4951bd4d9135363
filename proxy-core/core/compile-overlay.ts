import { type LoadedConfig, loadConfig } from '../config/load.ts';
import type { Overlay } from '../facade/overlay.ts';
import type { Compilation } from './compile.ts';

/** It is in no file: places in it lead nowhere. */
const OVERLAY_FILE = '';

/** Adds what an overlay brings to a compiled configuration; what is wrong with it refuses the whole. */
export function withOverlay(
  compiled: Compilation,
  overlay: Overlay,
  compile: (loaded: LoadedConfig, leafFor: Overlay['leafFor']) => Compilation,
): Compilation {
  const { bootstrap } = compiled;
  if (bootstrap === null) return compiled;
  const added = compile(loadConfig({ file: OVERLAY_FILE, text: overlay.text }), overlay.leafFor);
  const errors = added.diagnostics.filter(({ severity }) => severity === 'error');
  const diagnostics = [...compiled.diagnostics, ...errors];
  if (added.bootstrap === null) return { bootstrap: null, diagnostics };
  return {
    bootstrap: {
      ...bootstrap,
      listeners: [...bootstrap.listeners, ...added.bootstrap.listeners],
      clusters: [...bootstrap.clusters, ...added.bootstrap.clusters],
    },
    diagnostics,
  };
}
