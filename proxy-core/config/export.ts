import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AttacheError } from '../base/errors.ts';
import type { ConfigSource, ExportOptions, ExportReport } from '../facade/core-api.ts';
import type { Diagnostic } from './diagnostic.ts';
import { type LoadedConfig, loadConfig } from './load.ts';
import { applyFixes } from './text-edit.ts';
import { forEachMessage, textAt } from './walk.ts';

/** Fixes that Envoy needs before it takes the file. Everything else in it stays as the user wrote it. */
const NEEDED = ['config.name-only-extension', 'config.fragment'] as const;

export interface ExportedText {
  readonly text: string;
  readonly changes: readonly string[];
  readonly loaded: LoadedConfig;
}

/**
 * The configuration as real Envoy wants it: comments and order kept, clusters of the command line left out.
 * Throws AttacheError `export.errors` when the configuration itself has errors.
 */
export function exportText(source: ConfigSource): ExportedText {
  let current: ConfigSource = { file: source.file, text: source.text };
  const changes: string[] = [];
  for (const code of NEEDED) {
    const loaded = withoutErrors(current);
    const needed = loaded.diagnostics.filter((diagnostic) => diagnostic.code === code);
    const fixes = needed.flatMap((diagnostic) => (diagnostic.fix === undefined ? [] : [diagnostic.fix]));
    if (fixes.length === 0) continue;
    current = { file: source.file, text: applyFixes(loaded.source, fixes) };
    for (const { fix, range } of needed)
      if (fix !== undefined) changes.push(`Line ${range.line}: ${fix.title}`);
  }
  return { text: current.text, changes: [...new Set(changes)], loaded: withoutErrors(current) };
}

function withoutErrors(source: ConfigSource): LoadedConfig {
  const loaded = loadConfig(source);
  const first = loaded.diagnostics.find((diagnostic) => diagnostic.severity === 'error');
  if (first === undefined) return loaded;
  const count = loaded.diagnostics.filter((diagnostic) => diagnostic.severity === 'error').length;
  throw new AttacheError(
    'export.errors',
    `Nothing was exported: ${source.file} has ${count} ${count === 1 ? 'error' : 'errors'}. Line ${first.range.line}: ${first.message}`,
  );
}

/** Writes the exported file into a folder, whole or not at all, and tells what a reader of it should know. */
export function exportConfig(
  source: ConfigSource,
  options: ExportOptions,
  notices: readonly Diagnostic[] = [],
): ExportReport {
  const { text, changes, loaded } = exportText(source);
  const name = basename(source.file) || 'envoy.yaml';
  const file = join(options.directory, name);
  const staged = join(options.directory, `.${name}.${process.pid}.tmp`);
  try {
    mkdirSync(options.directory, { recursive: true });
    writeFileSync(staged, text);
    renameSync(staged, file);
  } catch (error) {
    if (existsSync(staged)) rmSync(staged);
    const reason = error instanceof Error ? error.message : String(error);
    throw new AttacheError('export.write', `Nothing was exported to ${file}: ${reason}`, { cause: error });
  }
  return {
    files: [file],
    notices: [...exportNotices(source), ...notices],
    loopback: loopbackAddresses(loaded),
    changes,
  };
}

/** What the command line adds is not in the file; the reader is told. */
function exportNotices(source: ConfigSource): Diagnostic[] {
  const range = { file: source.file, line: 1, column: 1, endLine: 1, endColumn: 1 };
  const notice = (message: string): Diagnostic => ({
    code: 'export.left-out',
    severity: 'notice',
    message,
    path: '',
    range,
  });
  const notices: Diagnostic[] = [];
  for (const name of source.givenClusters?.keys() ?? []) {
    notices.push(
      notice(`The cluster ${name} was given on the command line and is not in the exported file.`),
    );
  }
  if (source.merge !== undefined) notices.push(notice('--config-yaml is not in the exported file.'));
  return notices;
}

function loopbackAddresses(loaded: LoadedConfig): ExportReport['loopback'] {
  const found: ExportReport['loopback'][number][] = [];
  if (loaded.root === null) return found;
  forEachMessage(loaded.root, (message) => {
    if (message.type !== 'envoy.config.core.v3.SocketAddress') return;
    const address = textAt(message, 'address') ?? '';
    const field = message.fields.get('address');
    if (field !== undefined && isLoopback(address)) {
      found.push({ path: field.path, address, range: field.value.range });
    }
  });
  return found;
}

function isLoopback(address: string): boolean {
  return /^(?:127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+|localhost|.+\.localhost)$/i.test(address);
}
