import type { CompileContext, DiagnosticExtra, FileAccess } from './compile-context.ts';
import type { Diagnostic, Severity } from './diagnostic.ts';
import type { LoadedConfig } from './load.ts';
import type { MessageNode } from './message.ts';
import type { MessageReader } from './reader.ts';
import { runtimeLayers, runtimeValues } from './runtime-layers.ts';
import { listedMessages, messageAt, textAt } from './walk.ts';

export interface CompileSession {
  readonly context: CompileContext;
  /** Grows while compilation reports. */
  readonly diagnostics: Diagnostic[];
}

/**
 * What the compile functions get. In a fragment a cluster that nobody defines is a warning: the file is a part of
 * something, and the cluster can be given with `--cluster`.
 */
export function createCompileSession(
  loaded: Pick<LoadedConfig, 'isFragment'> & { readonly root: MessageNode },
  options: { readonly files: FileAccess; readonly serving: boolean } & Pick<
    CompileContext,
    'secrets' | 'leafFor'
  >,
): CompileSession {
  const diagnostics: Diagnostic[] = [];
  const clusters = listedMessages(messageAt(loaded.root, 'static_resources'), 'clusters');
  const node = messageAt(loaded.root, 'node');
  const context: CompileContext = {
    report(severity, code, reader, field, message, more) {
      const made = diagnosticOf(severity, code, reader, field, message, more);
      diagnostics.push(loaded.isFragment && code.endsWith('.unknown-cluster') ? unresolved(made) : made);
    },
    clusterNames: new Set(
      clusters.map((cluster) => textAt(cluster, 'name')).filter((name) => name !== undefined),
    ),
    serving: options.serving,
    files: options.files,
    node: {
      id: textAt(node, 'id') ?? '',
      cluster: textAt(node, 'cluster') ?? '',
      ...ownPlace(node, textAt(messageAt(loaded.root, 'cluster_manager'), 'local_cluster_name')),
    },
    runtime: runtimeValues(runtimeLayers(loaded.root)),
    ...(options.secrets === undefined ? {} : { secrets: options.secrets }),
    ...(options.leafFor === undefined ? {} : { leafFor: options.leafFor }),
  };
  return { context, diagnostics };
}

/** Where the proxy stands, when the bootstrap says which cluster is its own. */
function ownPlace(
  node: MessageNode | undefined,
  localCluster: string | undefined,
): Pick<CompileContext['node'], 'locality' | 'localCluster'> {
  if (localCluster === undefined || localCluster === '') return {};
  const place = messageAt(node, 'locality');
  const part = (field: string): string => textAt(place, field) ?? '';
  return {
    localCluster,
    locality: { region: part('region'), zone: part('zone'), subZone: part('sub_zone') },
  };
}

function diagnosticOf(
  severity: Severity,
  code: string,
  reader: MessageReader,
  field: string,
  message: string,
  more: DiagnosticExtra | undefined,
): Diagnostic {
  return {
    code,
    severity,
    message,
    path: field === '' ? reader.path : reader.pathOf(field),
    range: more?.range ?? (field === '' ? reader.range : reader.rangeOf(field)),
    ...(more?.expected === undefined ? {} : { expected: more.expected }),
    ...(more?.suggestion === undefined ? {} : { suggestion: more.suggestion }),
    ...(more?.fix === undefined ? {} : { fix: more.fix }),
  };
}

function unresolved(diagnostic: Diagnostic): Diagnostic {
  const name = /['“]([^'”]+)['”]/.exec(diagnostic.message)?.[1] ?? 'the cluster';
  return {
    ...diagnostic,
    code: 'config.unresolved-cluster',
    severity: 'warning',
    message: `The cluster ${name} is named here and not defined in this file. Give it with --cluster ${name}=127.0.0.1:PORT.`,
  };
}
