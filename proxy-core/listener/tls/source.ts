import { readFileSync } from 'node:fs';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';

/** Where the text of a certificate, key or list comes from; read again whenever its file changes. */
export type TextSource =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array | null }
  | { readonly kind: 'file'; readonly path: string };

/** Reads a file; throws when it cannot be read. */
export type ReadFile = (path: string) => Uint8Array;

export const readFromDisk: ReadFile = (path) => readFileSync(path);

/** Something that TLS cannot be set up with, in Envoy's words, and the field that it is about. */
export class TlsError extends Error {
  constructor(
    readonly code: string,
    readonly field: string,
    message: string,
  ) {
    super(message);
  }
}

/** A DataSource; null when it is not set. */
export function textSource(reader: MessageReader | undefined): TextSource | null {
  if (reader === undefined) return null;
  const inline = reader.string('inline_string');
  if (inline !== undefined) return { kind: 'inline', bytes: new TextEncoder().encode(inline) };
  const bytes = reader.bytes('inline_bytes');
  if (bytes !== undefined) return { kind: 'inline', bytes };
  const variable = reader.string('environment_variable');
  if (variable !== undefined) {
    const value = process.env[variable];
    return { kind: 'inline', bytes: value === undefined ? null : new TextEncoder().encode(value) };
  }
  reader.acknowledge('watched_directory');
  return { kind: 'file', path: reader.string('filename') ?? '' };
}

/** As the TLS code names a source in its errors: `<inline>`, or the path. */
export function sourceName(source: TextSource | null): string {
  if (source === null) return '';
  return source.kind === 'inline' ? '<inline>' : source.path;
}

/** Null when the source is absent, empty or cannot be read. */
export function sourceBytes(source: TextSource | null, read: ReadFile): Uint8Array | null {
  if (source === null) return null;
  if (source.kind === 'inline') return source.bytes;
  try {
    return source.path === '' ? null : read(source.path);
  } catch {
    return null;
  }
}

export function sourceText(source: TextSource | null, read: ReadFile): string | null {
  const bytes = sourceBytes(source, read);
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

/** The files among some sources. */
export function filesOf(sources: readonly (TextSource | null)[]): string[] {
  return sources.flatMap((source) => (source?.kind === 'file' && source.path !== '' ? [source.path] : []));
}

/** Runs `load`; what it finds wrong is reported as an error about the message. */
export function reporting<T>(reader: MessageReader, ctx: CompileContext, load: () => T): T | null {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof TlsError)) throw error;
    ctx.report('error', error.code, reader, reader.has(error.field) ? error.field : '', error.message);
    return null;
  }
}
