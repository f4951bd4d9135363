import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';

/** The bytes of an `envoy.config.core.v3.DataSource`; reports and returns null when they cannot be had. */
export function readDataSourceBytes(reader: MessageReader, ctx: CompileContext): Uint8Array | null {
  const inline = reader.string('inline_string');
  if (inline !== undefined) return new TextEncoder().encode(inline);
  const bytes = reader.bytes('inline_bytes');
  if (bytes !== undefined) return bytes;
  const filename = reader.string('filename');
  if (filename !== undefined) {
    if (!ctx.files.exists(filename)) {
      ctx.report('error', 'config.file-missing', reader, 'filename', `file ${filename} does not exist`);
      return null;
    }
    try {
      return ctx.files.read(filename);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      ctx.report(
        'error',
        'config.file-unreadable',
        reader,
        'filename',
        `unable to read file ${filename}: ${reason}`,
      );
      return null;
    }
  }
  const variable = reader.string('environment_variable');
  if (variable !== undefined) {
    const value = process.env[variable];
    if (value !== undefined) return new TextEncoder().encode(value);
    ctx.report(
      'error',
      'config.environment-missing',
      reader,
      'environment_variable',
      `Environment variable doesn't exist: ${variable}`,
    );
  }
  return null;
}

/** The same as text. */
export function readDataSource(reader: MessageReader, ctx: CompileContext): string | null {
  const bytes = readDataSourceBytes(reader, ctx);
  return bytes === null ? null : new TextDecoder().decode(bytes);
}
