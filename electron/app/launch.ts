/** What a program of Attaché was started with, apart from its own switches: the configuration and how the core runs. */
import type { ConfigSource, CoreOptions } from '../../proxy-core/index.ts';
import type { CaptureOptions } from './capture/capture.ts';
import type { LogWriter } from './log-writer.ts';
import { VERSION } from './version.ts';

export type LogLevel = 'debug' | 'info' | 'warning' | 'error' | 'off';

/** Where the configuration comes from. */
export interface SourceOptions {
  /** Null when none was given. */
  readonly file: string | null;
  readonly configYaml: string | null;
  readonly clusters: ReadonlyMap<string, readonly string[]>;
  readonly serviceNode: string | null;
  readonly serviceCluster: string | null;
  readonly allowUnknownStaticFields: boolean;
}

/** How the core runs. */
export interface CoreFlags {
  readonly logLevel: LogLevel;
  readonly logPath: string | null;
  readonly adminAddressPath: string | null;
  /** Milliseconds. */
  readonly drainTime: number | null;
  readonly drainStrategy: 'gradual' | 'immediate';
  /** Milliseconds. */
  readonly fileFlushInterval: number | null;
  readonly watch: boolean;
  /** Outbound capture from the start; null = off. */
  readonly capture: CaptureOptions | null;
}

export interface Launch {
  readonly source: SourceOptions;
  readonly core: CoreFlags;
}

export const NO_FILE: SourceOptions = {
  file: null,
  configYaml: null,
  clusters: new Map(),
  serviceNode: null,
  serviceCluster: null,
  allowUnknownStaticFields: false,
};

export const USUAL_FLAGS: CoreFlags = {
  logLevel: 'warning',
  logPath: null,
  adminAddressPath: null,
  drainTime: null,
  drainStrategy: 'gradual',
  fileFlushInterval: null,
  watch: true,
  capture: null,
};

/** What the options add to every file that is opened. */
export function sourceSettings(options: SourceOptions): Omit<ConfigSource, 'file' | 'text'> {
  return {
    ...(options.clusters.size === 0 ? {} : { givenClusters: options.clusters }),
    ...(options.serviceNode === null ? {} : { serviceNode: options.serviceNode }),
    ...(options.serviceCluster === null ? {} : { serviceCluster: options.serviceCluster }),
    ...(options.allowUnknownStaticFields ? { allowUnknownStaticFields: true } : {}),
    ...(options.configYaml === null ? {} : { merge: options.configYaml }),
  };
}

/** @param onQuit `/quitquitquit` was posted to the admin interface */
export function coreOptions(flags: CoreFlags, { log }: LogWriter, onQuit: () => void): CoreOptions {
  return {
    log,
    onQuit,
    version: VERSION,
    ...(flags.adminAddressPath === null ? {} : { adminAddressPath: flags.adminAddressPath }),
    ...(flags.drainTime === null ? {} : { drainTime: flags.drainTime }),
    drainStrategy: flags.drainStrategy,
    ...(flags.fileFlushInterval === null ? {} : { fileFlushInterval: flags.fileFlushInterval }),
  };
}

/** How long requests in flight may finish when the program is told to stop, unless --drain-time-s says less. */
const STOP_DRAIN = 5_000;

export function stopDrain(flags: CoreFlags): number {
  return Math.min(flags.drainTime ?? STOP_DRAIN, STOP_DRAIN);
}

const FLAG = '--attache=';

/** One argument that carries a launch to the desktop app, so that none of it is taken for a flag of Chromium's. */
export function encodeLaunch({ source, core }: Launch): string {
  return FLAG + JSON.stringify({ source: { ...source, clusters: [...source.clusters] }, core });
}

/** Finds it again among the arguments of the desktop app; a file that stands there alone will do as well. */
export function decodeLaunch(argv: readonly string[]): Launch {
  const encoded = argv.find((word) => word.startsWith(FLAG));
  if (encoded !== undefined) {
    const { source, core } = JSON.parse(encoded.slice(FLAG.length));
    return { source: { ...source, clusters: new Map(source.clusters) }, core };
  }
  const file = argv.findLast((word) => /\.(ya?ml|json)$/i.test(word) && !word.startsWith('-')) ?? null;
  return { source: { ...NO_FILE, file }, core: USUAL_FLAGS };
}
