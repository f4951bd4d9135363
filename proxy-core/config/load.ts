import type { ConfigSource } from '../facade/core-api.ts';
import type { Overlay } from '../facade/overlay.ts';
import { checkConstraints } from './constraints.ts';
import { type Diagnostic, NOWHERE } from './diagnostic.ts';
import { FRAGMENT_KEYS, isFragmentRoot, readFragment } from './fragment.ts';
import { addGivenClusters } from './given-clusters.ts';
import { mergeMessages, withField } from './merge.ts';
import type { MessageNode } from './message.ts';
import { ReadContext } from './read/context.ts';
import { readMessage } from './read/message.ts';
import { envoySchema } from './schema/schema.ts';
import type { MessageSchema } from './schema/types.ts';
import { parseText } from './text/parse.ts';
import type { SourceMap } from './text/source-node.ts';
import type { SourceText } from './text/source-text.ts';

export const BOOTSTRAP = 'envoy.config.bootstrap.v3.Bootstrap';

/** What a filter's name alone most often stands for. */
const ROUTER = 'envoy.extensions.filters.http.router.v3.Router';

export interface LoadedConfig {
  /** The bootstrap; null when nothing could be read. With errors in `diagnostics` it holds what could be. */
  readonly root: MessageNode | null;
  readonly diagnostics: readonly Diagnostic[];
  /** `listeners:` and `clusters:` stood at the top level. Unknown clusters are then warnings. */
  readonly isFragment: boolean;
  /** Clusters that `--cluster` made. */
  readonly givenClusters: ReadonlySet<string>;
  readonly source: SourceText;
  readonly json: boolean;
  readonly overlay?: Overlay;
}

/** More than this nobody reads; errors are kept before warnings and notices. */
const MAX_DIAGNOSTICS = 1000;

export interface LoadedMessage {
  readonly root: MessageNode | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads a whole configuration and checks it against the schema: all that is wrong is reported at once. */
export function loadConfig(config: ConfigSource): LoadedConfig {
  const parsed = parseText(config.file, config.text);
  const diagnostics: Diagnostic[] = [...parsed.diagnostics];
  const result = (
    root: MessageNode | null,
    isFragment: boolean,
    given: ReadonlySet<string>,
  ): LoadedConfig => ({
    root,
    diagnostics: atMost(MAX_DIAGNOSTICS, diagnostics),
    isFragment,
    givenClusters: given,
    source: parsed.source,
    json: parsed.json,
    ...(config.overlay === undefined ? {} : { overlay: config.overlay }),
  });
  if (parsed.root === null) return result(null, false, new Set());
  const context = new ReadContext(envoySchema(), parsed.source, config.allowUnknownStaticFields ?? false);
  context.schema.prepare(typesNamedIn(config.text));
  const schema = context.schema.message(BOOTSTRAP) as MessageSchema;
  if (parsed.root.kind !== 'map') {
    diagnostics.push({ ...notAMap(context, parsed.root), code: 'config.unreadable' });
    return result(null, false, new Set());
  }
  const fragment = isFragmentRoot(parsed.root);
  let root = fragment
    ? readFragment(context, schema, parsed.root, parsed.json)
    : readMessage(context, schema, parsed.root, '');
  append(diagnostics, context.diagnostics);
  const contexts = [context];
  if (config.merge !== undefined) {
    const more = readMerged(config, config.merge, schema);
    append(diagnostics, more.diagnostics);
    contexts.push(...more.contexts);
    if (more.root !== null) root = mergeMessages(root, more.root);
  }
  root = withNode(root, config);
  const given = addGivenClusters(root, config.givenClusters ?? new Map(), diagnostics);
  const isBroken = (message: MessageNode, field: string): boolean =>
    contexts.some((one) => one.isBroken(message, field));
  checkConstraints(envoySchema(), given.root, isBroken, diagnostics);
  return result(given.root, fragment, given.names);
}

/** Reads one message of a type: for tests, dynamic resources, and text that stands alone. */
export function loadMessage(text: string, file: string, typeName: string): LoadedMessage {
  const parsed = parseText(file, text);
  const diagnostics: Diagnostic[] = [...parsed.diagnostics];
  if (parsed.root === null) return { root: null, diagnostics };
  const schema = envoySchema().message(typeName);
  if (schema === undefined) {
    diagnostics.push({
      code: 'config.unknown-type',
      severity: 'error',
      message: `There is no message type ${typeName}.`,
      path: '',
      range: { ...NOWHERE, file },
    });
    return { root: null, diagnostics };
  }
  const context = new ReadContext(envoySchema(), parsed.source, false);
  if (parsed.root.kind !== 'map')
    return { root: null, diagnostics: [...diagnostics, notAMap(context, parsed.root)] };
  const root = readMessage(context, schema, parsed.root, '');
  append(diagnostics, context.diagnostics);
  checkConstraints(envoySchema(), root, (message, field) => context.isBroken(message, field), diagnostics);
  return { root, diagnostics };
}

/** Message types that stand somewhere in the text, whatever for. */
function typesNamedIn(text: string): Set<string> {
  const named = text.match(/\b(?:envoy|xds|udpa|google)\.[A-Za-z0-9_.]*[A-Za-z0-9_]/g) ?? [];
  return new Set([BOOTSTRAP, ROUTER, ...named]);
}

function notAMap(context: ReadContext, node: { start: number; end: number; kind: string }): Diagnostic {
  const source = context.source;
  const what = node.kind === 'list' ? 'a list' : 'a single value';
  return {
    code: 'config.unreadable',
    severity: 'error',
    message: `${source.file === '' ? 'The configuration' : source.file} holds ${what} where an Envoy bootstrap is wanted.`,
    path: '',
    range: source.range(
      node.start,
      Math.min(node.end, node.start + source.line(source.position(node.start).line).length),
    ),
    expected: `a map with static_resources, admin, … (or ${FRAGMENT_KEYS.join(', ')})`,
  };
}

function readMerged(
  config: ConfigSource,
  text: string,
  schema: MessageSchema,
): { root: MessageNode | null; diagnostics: readonly Diagnostic[]; contexts: ReadContext[] } {
  const parsed = parseText('--config-yaml', text);
  if (parsed.root === null) return { root: null, diagnostics: parsed.diagnostics, contexts: [] };
  const context = new ReadContext(envoySchema(), parsed.source, config.allowUnknownStaticFields ?? false);
  if (parsed.root.kind !== 'map') {
    return { root: null, diagnostics: [...parsed.diagnostics, notAMap(context, parsed.root)], contexts: [] };
  }
  const root = isFragmentRoot(parsed.root)
    ? readFragment(context, schema, parsed.root, parsed.json)
    : readMessage(context, schema, parsed.root as SourceMap, '');
  return { root, diagnostics: [...parsed.diagnostics, ...context.diagnostics], contexts: [context] };
}

/** `--service-node` and `--service-cluster` take the place of the bootstrap's node. */
function withNode(root: MessageNode, config: ConfigSource): MessageNode {
  const range = { ...NOWHERE, file: '--service-node' };
  let result = root;
  for (const [name, value] of [
    ['id', config.serviceNode],
    ['cluster', config.serviceCluster],
  ] as const) {
    if (value === undefined) continue;
    const current = result.fields.get('node')?.value;
    const node: MessageNode =
      current?.kind === 'message'
        ? current
        : {
            kind: 'message',
            type: 'envoy.config.core.v3.Node',
            range,
            path: 'node',
            fields: new Map(),
            fromAny: false,
          };
    const scalar = { kind: 'scalar', scalar: 'string', range, value } as const;
    result = withField(result, 'node', withField(node, name, scalar, 'node'), '');
  }
  return result;
}

/** Not by spreading: a broken file can have more diagnostics than a call may have arguments. */
function append(diagnostics: Diagnostic[], more: readonly Diagnostic[]): void {
  for (const diagnostic of more) diagnostics.push(diagnostic);
}

function atMost(limit: number, diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  if (diagnostics.length <= limit) return diagnostics;
  const errors = diagnostics.filter((one) => one.severity === 'error');
  const others = diagnostics.filter((one) => one.severity !== 'error');
  const kept = [...errors.slice(0, limit), ...others.slice(0, Math.max(0, limit - errors.length))];
  const last = kept[kept.length - 1] as Diagnostic;
  const rest: Diagnostic = {
    code: 'config.more',
    severity: errors.length > limit ? 'error' : 'warning',
    message: `${diagnostics.length - limit} more are not shown.`,
    path: '',
    range: last.range,
  };
  return [...kept, rest];
}
