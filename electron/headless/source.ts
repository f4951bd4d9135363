import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ConfigSource } from '../../proxy-core/index.ts';
import { unreadable } from '../app/config-file.ts';
import { type SourceOptions, sourceSettings } from '../app/launch.ts';

/** Reads what the command line names. Throws AttacheError `config.file-unreadable`. */
export function readSource(options: SourceOptions): ConfigSource {
  const { file } = options;
  const settings = sourceSettings(options);
  if (file !== null) return { ...settings, file, text: readText(file) };
  const { merge: text = '', ...rest } = settings;
  // Only capture was asked for.
  if (options.configYaml === null)
    return { ...rest, file: 'no configuration', text: 'static_resources: {}\n' };
  return { ...rest, file: '--config-yaml', text };
}

/** @param file `-` is standard input. Throws AttacheError `config.file-unreadable`. */
export function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : resolve(file), 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
}
