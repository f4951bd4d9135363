import { readFileSync, statSync } from 'node:fs';
import type { FileAccess } from '../config/compile-context.ts';
import { createCompileSession } from '../config/compile-session.ts';
import type { Diagnostic } from '../config/diagnostic.ts';
import type { LoadedConfig } from '../config/load.ts';
import { MessageReader } from '../config/reader.ts';
import { type RuntimeLayer, runtimeLayers } from '../config/runtime-layers.ts';
import { unreadFields } from '../config/unread.ts';
import type { Overlay } from '../facade/overlay.ts';
import {
  checkDuplicateListeners,
  compileClientTls,
  compileListener,
  type ListenerCompileOptions,
  type ListenerConfig,
  type LiveSecret,
  SecretRegistry,
  UnnamedListeners,
} from '../listener/index.ts';
import { compileStats, type StatsConfig } from '../observe/index.ts';
import { type CompiledCluster, checkDuplicateClusters, compileCluster } from '../upstream/index.ts';
import { type AdminConfig, compileAdmin } from './compile-admin.ts';
import { withOverlay } from './compile-overlay.ts';
import { compileConnectionLimit } from './compile-overload.ts';
import { checkRuntimeLayers } from './compile-runtime.ts';

/** A bootstrap as the running parts take it. Immutable. */
export interface CompiledBootstrap {
  readonly listeners: readonly ListenerConfig[];
  readonly clusters: readonly CompiledCluster[];
  readonly admin: AdminConfig | null;
  readonly node: { readonly id: string; readonly cluster: string };
  /** Values of the runtime layers by dotted key. */
  readonly runtime: ReadonlyMap<string, unknown>;
  readonly runtimeLayers: readonly RuntimeLayer[];
  /** For all listeners together, null = no limit. */
  readonly maxDownstreamConnections: number | null;
  /** `cluster_manager.outlier_detection.event_log_path`, empty = none. */
  readonly outlierLogPath: string;
  readonly stats: StatsConfig;
  /** What TLS contexts are made of. */
  readonly secrets: SecretRegistry;
}

export interface Compilation {
  /** Null when an error was found. */
  readonly bootstrap: CompiledBootstrap | null;
  /** Those of the loader, of compilation and, when there is no error, the notices about what nothing read. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface CompileOptions extends ListenerCompileOptions {
  readonly serving: boolean;
  /** The secrets of the configuration that runs; those that stay are the same objects in the next one. */
  readonly runningSecrets?: ReadonlyMap<string, LiveSecret>;
  /** Certificates for server contexts that have none (an overlay's). */
  readonly leafFor?: Overlay['leafFor'];
}

export const SYSTEM_FILES: FileAccess = {
  read: (path) => readFileSync(path),
  exists: (path) => statSync(path, { throwIfNoEntry: false }) !== undefined,
};

/** Turns a loaded configuration into what runs; everything that is wrong with it is reported at once. */
export function compileBootstrap(loaded: LoadedConfig, options: CompileOptions): Compilation {
  const compiled = compileLoaded(loaded, options);
  if (loaded.overlay === undefined) return compiled;
  return withOverlay(compiled, loaded.overlay, (overlay, leafFor) =>
    compileLoaded(overlay, { ...options, ...(leafFor === undefined ? {} : { leafFor }) }),
  );
}

function compileLoaded(loaded: LoadedConfig, options: CompileOptions): Compilation {
  const { root } = loaded;
  if (root === null) return { bootstrap: null, diagnostics: loaded.diagnostics };
  const secrets = new SecretRegistry(options.runningSecrets);
  const session = createCompileSession(
    { ...loaded, root },
    {
      files: SYSTEM_FILES,
      serving: options.serving,
      secrets,
      ...(options.leafFor === undefined ? {} : { leafFor: options.leafFor }),
    },
  );
  const broken = loaded.diagnostics.some(isError);
  let bootstrap: CompiledBootstrap | null = null;
  try {
    bootstrap = compileParts(new MessageReader(root), loaded, options, session.context, secrets);
  } catch (error) {
    // What could not be read is missing now; a compile function that stumbles over the hole has nothing to add.
    if (!broken) throw error;
  }
  const diagnostics = withoutRepeats([...loaded.diagnostics, ...session.diagnostics]);
  if (diagnostics.some(isError)) bootstrap = null;
  else diagnostics.push(...unreadFields(root));
  return { bootstrap, diagnostics: diagnostics.sort(byPlace) };
}

function compileParts(
  root: MessageReader,
  loaded: LoadedConfig,
  options: CompileOptions,
  ctx: ReturnType<typeof createCompileSession>['context'],
  secrets: SecretRegistry,
): CompiledBootstrap {
  const node = root.message('node');
  node?.acknowledge('id', 'cluster');
  node?.message('locality')?.acknowledge('region', 'zone', 'sub_zone');
  checkRuntimeLayers(root, ctx);
  const admin = compileAdmin(root);
  const stats = compileStats(root, ctx);
  const resources = root.message('static_resources');
  secrets.addStatic(resources?.messages('secrets') ?? [], ctx);
  const clusterReaders = resources?.messages('clusters') ?? [];
  checkDuplicateClusters(clusterReaders, ctx);
  const clusterManager = root.message('cluster_manager');
  const bind = clusterManager?.message('upstream_bind_config') ?? null;
  const clusters = new Map<string, CompiledCluster>();
  for (const reader of clusterReaders) {
    const cluster = compileCluster(
      reader,
      ctx,
      loaded.givenClusters.has(reader.string('name') ?? ''),
      compileClientTls,
      bind,
    );
    if (cluster !== null && !clusters.has(cluster.name)) clusters.set(cluster.name, cluster);
  }
  const listeners: ListenerConfig[] = [];
  const unnamed = new UnnamedListeners();
  for (const reader of checkDuplicateListeners(resources?.messages('listeners') ?? [], ctx)) {
    const listener = compileListener(reader, ctx, options, unnamed);
    if (listener !== null) listeners.push(listener);
  }
  clusterManager?.acknowledge('local_cluster_name');
  const outlierLog = clusterManager?.message('outlier_detection')?.string('event_log_path');
  return {
    listeners,
    clusters: [...clusters.values()],
    admin,
    secrets,
    node: ctx.node,
    runtime: ctx.runtime,
    runtimeLayers: runtimeLayers(root.node),
    maxDownstreamConnections: compileConnectionLimit(root),
    outlierLogPath: outlierLog ?? '',
    stats,
  };
}

function isError(diagnostic: Diagnostic): boolean {
  return diagnostic.severity === 'error';
}

/** YAML aliases put one mistake in many places; the user made it once. */
function withoutRepeats(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Set<string>();
  return diagnostics.filter(({ code, range, message }) => {
    const key = `${code} ${range.file}:${range.line}:${range.column} ${message}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function byPlace(a: Diagnostic, b: Diagnostic): number {
  return a.range.line - b.range.line || a.range.column - b.range.column;
}
