import type { CompileContext, DiagnosticExtra, FileAccess } from './compile-context.ts';
import type { Diagnostic, Severity } from './diagnostic.ts';
import type { LoadedConfig } from './load.ts';
import type { MessageNode } from './message.ts';
import { MessageReader } from './reader.ts';
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
  loaded: LoadedConfig & { readonly root: MessageNode },
  options: { readonly files: FileAccess; readonly serving: boolean },
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
    node: { id: textAt(node, 'id') ?? '', cluster: textAt(node, 'cluster') ?? '' },
    runtime: staticRuntime(loaded.root),
  };
  return { context, diagnostics };
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

/** Values of the static layers of `layered_runtime`, later layers over earlier ones, nested keys joined by dots. */
function staticRuntime(root: MessageNode): ReadonlyMap<string, unknown> {
  const values = new Map<string, unknown>();
  const runtime = messageAt(root, 'layered_runtime');
  for (const layer of listedMessages(runtime, 'layers')) {
    if (layer.fields.has('static_layer')) flatten(new MessageReader(layer).json('static_layer'), '', values);
  }
  return values;
}

/** A map with `numerator` or `denominator` is a fraction and stays whole, as in Envoy's runtime. */
function flatten(value: unknown, prefix: string, values: Map<string, unknown>): void {
  const nested =
    value !== null &&
    typeof value === 'object' &&
    !Array.isArray(value) &&
    !('numerator' in value) &&
    !('denominator' in value);
  if (!nested) {
    if (prefix !== '') values.set(prefix, value);
    return;
  }
  for (const [key, member] of Object.entries(value as object)) {
    flatten(member, prefix === '' ? key : `${prefix}.${key}`, values);
  }
}
