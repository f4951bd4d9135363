/**
 * The command line as data. Pure: it reads argv and answers with what to do, or with a sentence that says what is wrong.
 * `attache` takes the flags of the `envoy` command where it stands, so that it can take that command's place.
 */
import type { CaptureOptions } from '../app/capture/capture.ts';
import type { CoreFlags, LogLevel, SourceOptions } from '../app/launch.ts';
import { nearestName } from './nearest-name.ts';

export type OutputFormat = 'text' | 'json';

export type Command =
  | {
      readonly kind: 'serve';
      readonly mode: 'serve' | 'validate' | 'init_only';
      readonly source: SourceOptions;
      readonly core: CoreFlags;
    }
  | {
      readonly kind: 'ui';
      readonly source: SourceOptions;
      readonly core: CoreFlags;
      /** Null picks the usual port, or any free one. */
      readonly port: number | null;
      readonly open: boolean;
      /** Serves the demo shop although a file could be given. */
      readonly demo: boolean;
    }
  | {
      readonly kind: 'app';
      readonly source: SourceOptions;
      readonly core: CoreFlags;
      readonly orBrowser: boolean;
      readonly port: number | null;
      readonly open: boolean;
    }
  | {
      readonly kind: 'validate';
      readonly source: SourceOptions;
      readonly format: OutputFormat;
      /** Says more about the routes, and takes warnings as failures. */
      readonly lint: boolean;
      /** Writes the mended file. */
      readonly fix: boolean;
    }
  | {
      readonly kind: 'route-test';
      readonly source: SourceOptions;
      readonly format: OutputFormat;
      readonly tests: string;
      readonly routeConfig: string | null;
      /** Percent of the routes that the tests must take. */
      readonly failUnder: number;
    }
  | {
      readonly kind: 'explain';
      readonly source: SourceOptions;
      readonly format: OutputFormat;
      readonly method: string;
      readonly url: string;
      readonly headers: readonly (readonly [string, string])[];
      /** How many picks to tell the distribution of; 0 = none. */
      readonly draws: number;
    }
  | {
      readonly kind: 'export';
      readonly source: SourceOptions;
      readonly to: string;
      readonly format: OutputFormat;
    }
  | {
      readonly kind: 'ca';
      /** Where to write the certificate; null: nowhere. */
      readonly exportTo: string | null;
      readonly format: OutputFormat;
    }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' };

export interface ParsedCommand {
  readonly command: Command;
  /** Flags of Envoy that were accepted and do nothing here. */
  readonly notices: readonly string[];
}

export type ParseResult = ParsedCommand | { readonly problem: string };

type FlagKind = 'text' | 'number' | 'switch' | 'envoy-value' | 'envoy-switch';

/** Every flag by its long name. `envoy-*` are Envoy's own that have nothing to do here. */
const flags: ReadonlyMap<string, FlagKind> = new Map(
  Object.entries({
    'config-path': 'text',
    'config-yaml': 'text',
    mode: 'text',
    'log-level': 'text',
    'log-path': 'text',
    'admin-address-path': 'text',
    'drain-time-s': 'number',
    'drain-strategy': 'text',
    'file-flush-interval-msec': 'number',
    'service-cluster': 'text',
    'service-node': 'text',
    'allow-unknown-static-fields': 'switch',
    'allow-unknown-fields': 'switch',
    cluster: 'text',
    watch: 'switch',
    'no-watch': 'switch',
    capture: 'number',
    intercept: 'text',
    'capture-ca': 'text',
    port: 'number',
    open: 'switch',
    'no-open': 'switch',
    'or-browser': 'switch',
    format: 'text',
    header: 'text',
    draws: 'number',
    to: 'text',
    export: 'text',
    lint: 'switch',
    fix: 'switch',
    'route-config': 'text',
    'fail-under': 'number',
    help: 'switch',
    version: 'switch',
    'base-id': 'envoy-value',
    'base-id-path': 'envoy-value',
    concurrency: 'envoy-value',
    'component-log-level': 'envoy-value',
    'cpuset-threads': 'envoy-switch',
    'disable-extensions': 'envoy-value',
    'disable-hot-restart': 'envoy-switch',
    'enable-core-dump': 'envoy-switch',
    'enable-fine-grain-logging': 'envoy-switch',
    'enable-mutex-tracing': 'envoy-switch',
    'hot-restart-version': 'envoy-switch',
    'ignore-unknown-dynamic-fields': 'envoy-switch',
    'local-address-ip-version': 'envoy-value',
    'log-format': 'envoy-value',
    'log-format-escaped': 'envoy-switch',
    'parent-shutdown-time-s': 'envoy-value',
    'reject-unknown-dynamic-fields': 'envoy-switch',
    'restart-epoch': 'envoy-value',
    'service-zone': 'envoy-value',
    'skip-deprecated-logs': 'envoy-switch',
    'skip-hot-restart-on-no-parent': 'envoy-switch',
    'skip-hot-restart-parent-stats': 'envoy-switch',
    'socket-mode': 'envoy-value',
    'socket-path': 'envoy-value',
    'stats-tag': 'envoy-value',
    'use-dynamic-base-id': 'envoy-switch',
  } satisfies Record<string, FlagKind>),
);

const shortFlags: ReadonlyMap<string, string> = new Map(
  Object.entries({
    c: 'config-path',
    l: 'log-level',
    h: 'help',
    H: 'header',
  }),
);

const commands = ['ui', 'app', 'demo', 'validate', 'explain', 'route-test', 'ca', 'export', 'help'] as const;
type CommandName = (typeof commands)[number];

const logLevels: ReadonlyMap<string, LogLevel> = new Map(
  Object.entries({
    trace: 'debug',
    debug: 'debug',
    info: 'info',
    warning: 'warning',
    warn: 'warning',
    error: 'error',
    critical: 'error',
    off: 'off',
  } satisfies Record<string, LogLevel>),
);

/** What the command line said, before it is given a meaning. */
interface RawArguments {
  readonly values: Map<string, string[]>;
  readonly words: string[];
  readonly notices: string[];
}

/** Thrown inside this file only; becomes `problem`. */
class Problem extends Error {}

/** @param argv without the interpreter and the script */
export function parseArguments(argv: readonly string[]): ParseResult {
  try {
    const raw = readFlags(argv);
    return { command: commandOf(raw), notices: raw.notices };
  } catch (error) {
    if (error instanceof Problem) return { problem: error.message };
    throw error;
  }
}

function readFlags(argv: readonly string[]): RawArguments {
  const raw: RawArguments = { values: new Map(), words: [], notices: [] };
  let index = 0;
  while (index < argv.length) {
    const word = argv[index++] ?? '';
    if (word === '--') {
      raw.words.push(...argv.slice(index));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      raw.words.push(word);
      continue;
    }
    const { name, attached } = splitFlag(word);
    const kind = flags.get(name);
    if (kind === undefined) throw new Problem(unknownFlag(word, name));
    const takesValue = kind !== 'switch' && kind !== 'envoy-switch';
    if (!takesValue && attached !== null) throw new Problem(`--${name} takes no value.`);
    let value = attached;
    if (takesValue && value === null) {
      if (index >= argv.length) throw new Problem(`${word} needs a value.`);
      value = argv[index++] ?? '';
    }
    if (kind.startsWith('envoy-')) raw.notices.push(`--${name} is accepted and has no effect here.`);
    else raw.values.set(name, [...(raw.values.get(name) ?? []), value ?? '']);
  }
  return raw;
}

function splitFlag(word: string): { name: string; attached: string | null } {
  if (!word.startsWith('--')) {
    const name = shortFlags.get(word[1] ?? '') ?? word.slice(1);
    return { name, attached: word.length > 2 && shortFlags.get(word[1] ?? '') ? word.slice(2) : null };
  }
  const equals = word.indexOf('=');
  if (equals === -1) return { name: word.slice(2), attached: null };
  return { name: word.slice(2, equals), attached: word.slice(equals + 1) };
}

function unknownFlag(word: string, name: string): string {
  const nearest = nearestName(name, [...flags.keys()]);
  return `There is no flag ${word}.${nearest === null ? '' : ` Did you mean --${nearest}?`}`;
}

function commandOf(raw: RawArguments): Command {
  if (raw.values.has('help')) return { kind: 'help' };
  if (raw.values.has('version')) return { kind: 'version' };
  const [first, ...words] = raw.words;
  if (first === undefined) return serveOf(raw);
  if (!isCommand(first)) throw new Problem(unknownCommand(first));
  switch (first) {
    case 'help':
      return { kind: 'help' };
    case 'ui':
    case 'demo':
      return { kind: 'ui', ...shellOf(raw, words), demo: first === 'demo' };
    case 'app':
      return { kind: 'app', ...shellOf(raw, words), orBrowser: raw.values.has('or-browser') };
    case 'validate':
      return {
        kind: 'validate',
        source: sourceOf(raw, words, true),
        format: formatOf(raw),
        lint: raw.values.has('lint'),
        fix: raw.values.has('fix'),
      };
    case 'ca':
      if (words.length > 0) throw new Problem(`There is one argument too many: ${words[0]}`);
      return { kind: 'ca', exportTo: single(raw, 'export'), format: formatOf(raw) };
    case 'route-test':
      return routeTestOf(raw, words);
    case 'explain':
      return explainOf(raw, words);
    case 'export': {
      const to = single(raw, 'to');
      if (to === null) throw new Problem('export needs the folder to write into: --to DIR.');
      return { kind: 'export', source: sourceOf(raw, words, true), to, format: formatOf(raw) };
    }
  }
}

function isCommand(word: string): word is CommandName {
  return (commands as readonly string[]).includes(word);
}

function unknownCommand(word: string): string {
  if (/\.(ya?ml|json)$/.test(word)) return `To serve a file, write: attache -c ${word}`;
  const nearest = nearestName(word, commands);
  return `There is no command ${word}.${nearest === null ? '' : ` Did you mean ${nearest}?`}`;
}

function serveOf(raw: RawArguments): Command {
  const mode = single(raw, 'mode') ?? 'serve';
  if (mode !== 'serve' && mode !== 'validate' && mode !== 'init_only') {
    throw new Problem(`--mode is serve, validate or init_only, not ${mode}.`);
  }
  const source = sourceOf(raw, [], !raw.values.has('capture'));
  return { kind: 'serve', mode, source, core: coreOf(raw) };
}

function shellOf(raw: RawArguments, words: readonly string[]) {
  return {
    source: sourceOf(raw, words, false),
    core: coreOf(raw),
    port: number(raw, 'port', 65_535),
    open: !raw.values.has('no-open'),
  };
}

function explainOf(raw: RawArguments, words: readonly string[]): Command {
  const [first, second] = words;
  if (first === undefined || words.length > 2) {
    throw new Problem('explain needs a method and an address: attache explain -c FILE GET http://host/path');
  }
  const [method, url] = second === undefined ? ['GET', first] : [first, second];
  const headers = (raw.values.get('header') ?? []).map(headerOf);
  return {
    kind: 'explain',
    source: sourceOf(raw, [], true),
    format: formatOf(raw),
    method,
    url,
    headers,
    draws: number(raw, 'draws', 100_000) ?? 0,
  };
}

function routeTestOf(raw: RawArguments, words: readonly string[]): Command {
  const [tests] = words;
  if (tests === undefined || words.length > 1) {
    throw new Problem('route-test needs one file of tests: attache route-test -c FILE TESTS.yaml');
  }
  return {
    kind: 'route-test',
    source: sourceOf(raw, [], true),
    format: formatOf(raw),
    tests,
    routeConfig: single(raw, 'route-config'),
    failUnder: number(raw, 'fail-under', 100) ?? 0,
  };
}

function headerOf(text: string): readonly [string, string] {
  const colon = text.indexOf(':', 1);
  if (colon === -1) throw new Problem(`-H takes "name: value", not "${text}".`);
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
}

/** @param words what is left on the command line: the file may stand there, without -c */
function sourceOf(raw: RawArguments, words: readonly string[], needed: boolean): SourceOptions {
  if (words.length > 1) throw new Problem(`There is one argument too many: ${words[1]}`);
  const file = single(raw, 'config-path') ?? words[0] ?? null;
  const configYaml = single(raw, 'config-yaml');
  if (needed && file === null && configYaml === null) {
    throw new Problem('No configuration was given: -c FILE, or attache demo for the demo shop.');
  }
  return {
    file,
    configYaml,
    clusters: clustersOf(raw),
    serviceNode: single(raw, 'service-node'),
    serviceCluster: single(raw, 'service-cluster'),
    allowUnknownStaticFields:
      raw.values.has('allow-unknown-static-fields') || raw.values.has('allow-unknown-fields'),
  };
}

function clustersOf(raw: RawArguments): ReadonlyMap<string, readonly string[]> {
  const clusters = new Map<string, readonly string[]>();
  for (const text of raw.values.get('cluster') ?? []) {
    const equals = text.indexOf('=');
    const hosts = equals === -1 ? [] : text.slice(equals + 1).split(',');
    if (equals < 1 || !hosts.every(isHostAndPort)) {
      throw new Problem(`--cluster takes name=host:port,host:port, not ${text}.`);
    }
    clusters.set(text.slice(0, equals), hosts);
  }
  return clusters;
}

function isHostAndPort(text: string): boolean {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  return match !== null && port > 0 && port < 65_536;
}

function coreOf(raw: RawArguments): CoreFlags {
  const level = single(raw, 'log-level') ?? 'warning';
  const logLevel = logLevels.get(level);
  if (logLevel === undefined) {
    throw new Problem(`--log-level is one of ${[...logLevels.keys()].join(', ')}, not ${level}.`);
  }
  const drainSeconds = number(raw, 'drain-time-s', 4_294_967);
  const strategy = single(raw, 'drain-strategy') ?? 'gradual';
  if (strategy !== 'gradual' && strategy !== 'immediate') {
    throw new Problem(`--drain-strategy is gradual or immediate, not ${strategy}.`);
  }
  return {
    logLevel,
    logPath: single(raw, 'log-path'),
    adminAddressPath: single(raw, 'admin-address-path'),
    drainTime: drainSeconds === null ? null : drainSeconds * 1000,
    drainStrategy: strategy,
    fileFlushInterval: number(raw, 'file-flush-interval-msec', 4_294_967_295),
    watch: !raw.values.has('no-watch'),
    capture: captureOf(raw),
  };
}

function captureOf(raw: RawArguments): CaptureOptions | null {
  const port = number(raw, 'capture', 65_535);
  const intercept = (raw.values.get('intercept') ?? []).flatMap((text) => text.split(','));
  const trust = raw.values.get('capture-ca') ?? [];
  if (port !== null) return { port, intercept, trust };
  for (const name of ['intercept', 'capture-ca']) {
    if (raw.values.has(name)) throw new Problem(`--${name} needs --capture PORT beside it.`);
  }
  return null;
}

function formatOf(raw: RawArguments): OutputFormat {
  const format = single(raw, 'format') ?? 'text';
  if (format !== 'text' && format !== 'json') throw new Problem(`--format is text or json, not ${format}.`);
  return format;
}

function single(raw: RawArguments, name: string): string | null {
  const values = raw.values.get(name) ?? [];
  if (values.length > 1) throw new Problem(`--${name} was given ${values.length} times.`);
  return values[0] ?? null;
}

function number(raw: RawArguments, name: string, max: number): number | null {
  const text = single(raw, name);
  if (text === null) return null;
  if (!/^\d+$/.test(text) || Number(text) > max) {
    throw new Problem(`--${name} takes a whole number up to ${max}, not ${text}.`);
  }
  return Number(text);
}
