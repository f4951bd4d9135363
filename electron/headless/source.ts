import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ConfigSource } from '../../proxy-core/index.ts';
import { unreadable } from '../app/config-file.ts';
import type { SourceOptions } from './arguments.ts';

/** Reads what the command line names. Throws AttacheError `config.file-unreadable`. */
export function readSource(options: SourceOptions): ConfigSource {
  if (options.file === null)
    return { ...sourceSettings(options), file: '--config-yaml', text: options.configYaml ?? '' };
  const merge = options.configYaml === null ? {} : { merge: options.configYaml };
  return { ...sourceSettings(options), ...merge, file: options.file, text: readText(options.file) };
}

/** What the command line adds to every file that is opened. */
export function sourceSettings(options: SourceOptions): Omit<ConfigSource, 'file' | 'text'> {
  return {
    ...(options.clusters.size === 0 ? {} : { givenClusters: options.clusters }),
    ...(options.serviceNode === null ? {} : { serviceNode: options.serviceNode }),
    ...(options.serviceCluster === null ? {} : { serviceCluster: options.serviceCluster }),
    ...(options.allowUnknownStaticFields ? { allowUnknownStaticFields: true } : {}),
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : resolve(file), 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
}
