/**
 * The shape of a parity case: what is configured, what the upstreams do, what the client does, what is kept.
 * `../README.md` explains it to people; this file is the exact form.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

/** Anything YAML can hold. */
export type Tree = null | boolean | number | string | Tree[] | { [key: string]: Tree };
export type TreeMap = { [key: string]: Tree };

/** Header lists: a map for the common case, `name: value` lines where order or repetition matters. */
export type HeaderList = Record<string, string> | string[];

/** One scripted answer of an upstream. Milliseconds throughout. */
export interface Answer {
  status?: number;
  reason?: string;
  headers?: HeaderList;
  body?: string;
  /** Repeats `body` until it has this many bytes. */
  size?: number;
  /** Sends the body chunked, in these pieces. */
  chunks?: string[];
  trailers?: HeaderList;
  /** Answers with the request's body. */
  echo?: boolean;
  /** Before the head. */
  delay?: number;
  /** Between pieces of the body, and before the first. */
  pause?: number;
  /** Exact bytes instead of a composed answer. */
  raw?: string;
  /** Stops after this many bytes of the body, then does `then`. */
  cut?: number;
  /** Never answers. */
  hang?: boolean;
  /** Without an answer: close the connection, or reset it. */
  close?: boolean;
  reset?: boolean;
  /** After the answer; default: keep the connection. */
  then?: 'close' | 'reset' | 'keep';
  /** Answers as soon as the head has arrived, without waiting for the body. */
  early?: boolean;
  /** How many requests get this answer before the next one of the list; the last one stays. */
  times?: number;
}

export interface Upstream {
  answer?: Answer | Answer[];
  /** Other answers for other paths (without query). */
  paths?: Record<string, Answer | Answer[]>;
  /** Nothing listens on the port. */
  refuse?: boolean;
  /** The port accepts no connection and refuses none: connects time out. */
  blackhole?: boolean;
  /** Answers in HTTP/2 (no upgrade, prior knowledge). */
  http2?: boolean;
  /** Speaks TLS with the server certificate of `../certs`. */
  tls?: boolean;
  /** A plain TCP peer: greets, echoes what arrives, closes after `bytes`. */
  tcp?: { greet?: string; echo?: boolean; close_after?: number };
}

export type Show = 'status' | 'headers' | 'body' | 'to' | 'upstream' | 'raw' | 'end' | 'trailers';

/** What every request step may say. */
export interface Exchange {
  /** Connection by name: kept open and used again by later steps with the same name. */
  on?: string;
  /** Listener by name; default: the one of the shorthand. */
  listener?: string;
  /** What to keep of the exchange; default: the case's, else status, headers, body and who served it. */
  show?: Show[];
  /** Repeats the step one after the other and keeps a summary. */
  times?: number;
  /** Repeats run this many at a time. */
  at_once?: number;
  /** Summary of repeats: every answer, the shortest cycle up to rotation, counts, counts of codes only, nothing. */
  as?: 'sequence' | 'cycle' | 'tally' | 'codes' | 'nothing';
  /** Shares in per cent that the repeats must show, each ± tolerance (percentage points, default 5). */
  share?: Record<string, number>;
  tolerance?: number;
  /** The exchange must take between so many milliseconds. */
  within?: [number, number];
  /** Waits this long for the answer (5 s). */
  timeout?: number;
  /** After the answer, waits this long for the peer to close, and says whether it did. */
  await_close?: number;
  /** Client goes away so long after sending, without waiting for an answer. */
  leave_after?: number;
  /** Client half-closes after sending. */
  half_close?: boolean;
  /** Source address of the connection. */
  from?: string;
  /** Speaks TLS: server name, ALPN offer, versions, client certificate. */
  tls?: {
    sni?: string;
    alpn?: string[];
    max?: 'TLSv1.2' | 'TLSv1.3' | 'TLSv1.1';
    min?: 'TLSv1.2' | 'TLSv1.3' | 'TLSv1.1';
    cert?: string;
  };
}

export interface SendStep extends Exchange {
  /** `GET /path`. */
  send: string;
  host?: string;
  headers?: HeaderList;
  body?: string;
  size?: number;
  chunks?: string[];
  trailers?: HeaderList;
  /** Between pieces of the body. */
  pause?: number;
  /** Adds a header `x-filler` so that the head has this many bytes in all. */
  fill?: number;
  /** Speaks HTTP/2 (prior knowledge, or ALPN with `tls`). */
  http2?: boolean;
}

export interface RawStep extends Exchange {
  /** Exact bytes; several pieces are sent apart by `pause` (20 ms). */
  raw: string | string[];
  pause?: number;
  /** Answers to read (1), or `close`: everything up to the end, or `quiet`: until 150 ms of silence. */
  until?: number | 'close' | 'quiet';
}

export interface AdminStep {
  /** `GET /stats?usedonly`. */
  admin: string;
  body?: string;
  show?: ('status' | 'headers' | 'body')[];
  /** Keeps only the lines of the body that match. */
  lines?: string;
  /** Keeps only what stands before the first colon of each line: the names of stats. */
  names?: boolean;
  /** Keeps only these values of a JSON body, by dotted path (`*` for each element). */
  pick?: string[];
  /** Polls until the body matches this (5 s). */
  when?: string;
}

export interface StatsStep {
  /** Names, exact, or `/regex/` for all that match. Waits until they stop moving. */
  stats: string[];
}

export type Step =
  | string
  | SendStep
  | RawStep
  | AdminStep
  | StatsStep
  | { wait: number }
  | { script: Record<string, Answer | Answer[]> }
  | { close: string }
  | { parallel: Step[] }
  /** Waits until the log has so many lines, in all. */
  | { log: number }
  /** Replaces a file of the case's folder by renaming a new one over it. */
  | { write: string; text: string };

export interface ClusterShorthand {
  /** Upstream names, or endpoint fields with `upstream`. Default: the upstreams named like the cluster. */
  hosts?: (string | (TreeMap & { upstream: string }))[];
  [field: string]: Tree | undefined | (string | (TreeMap & { upstream: string }))[];
}

export interface Override {
  /** Place in the observation: `steps[0].response.headers[2]`. */
  at: string;
  /** What 1.32 has there; absent: nothing. */
  value?: Tree;
}

export interface ParityCase {
  title: string;
  /** Section of the behaviour reference. */
  section?: string | number;
  /** Whole bootstrap; wins over all shorthand. */
  bootstrap?: TreeMap;
  /** Exact text of the configuration file; wins over everything. */
  text?: string;
  /** Edits of the resulting configuration, by dotted path; no value removes. */
  patch?: { at: string; value?: Tree }[];
  /** Edits of the resulting text: the first occurrence is replaced. */
  replace?: { from: string; to: string }[];
  /** Extra files of the case's folder, named in the configuration as `{{dir}}/name`. */
  files?: Record<string, string>;

  routes?: Tree[];
  virtual_hosts?: Tree[];
  route_config?: TreeMap;
  hcm?: TreeMap;
  /** Before the router: `fault: {…}` or whole filters. */
  http_filters?: Tree[];
  filter_chains?: Tree[];
  listener?: TreeMap;
  clusters?: Record<string, ClusterShorthand | null>;
  /** Merged into the bootstrap's top level. */
  top?: TreeMap;
  /** Format of an access log whose lines are kept. */
  log?: string;
  /** The same as JSON. */
  log_json?: TreeMap;

  upstreams?: Record<string, Upstream | null>;
  show?: Show[];
  steps?: Step[];
  /** Only asks whether the configuration is accepted. */
  validate?: boolean;
  /** `1.36` leaves the runtime guards as the binary has them; default: switched to what 1.32 does. */
  guards?: '1.32' | '1.36';
  /** Extra replacements in everything that is kept. */
  normalise?: { match: string; with: string }[];
  /** What 1.32 does where no guard can make the newer binary do it. */
  expect_1_32?: { reason: string; overrides: Override[] };
  /** Runs alone, because its times must be exact. */
  alone?: boolean;
}

export interface NamedCase {
  /** `area/name`. */
  readonly id: string;
  readonly file: string;
  readonly spec: ParityCase;
}

/** All cases whose id contains `filter`, in order of their ids. Throws on a malformed case. */
export function loadCases(root: string, filter = ''): NamedCase[] {
  const found: NamedCase[] = [];
  const folder = path.join(root, 'cases');
  for (const area of readdirSync(folder).sort()) {
    for (const name of readdirSync(path.join(folder, area)).sort()) {
      if (!name.endsWith('.yaml')) continue;
      const id = `${area}/${name.slice(0, -'.yaml'.length)}`;
      if (!id.includes(filter)) continue;
      const file = path.join(folder, area, name);
      found.push({ id, file, spec: checkCase(id, parse(readFileSync(file, 'utf8'))) });
    }
  }
  return found;
}

const FIELDS: ReadonlySet<string> = new Set<keyof ParityCase>([
  'title',
  'section',
  'bootstrap',
  'text',
  'patch',
  'replace',
  'files',
  'routes',
  'virtual_hosts',
  'route_config',
  'hcm',
  'http_filters',
  'filter_chains',
  'listener',
  'clusters',
  'top',
  'log',
  'log_json',
  'upstreams',
  'show',
  'steps',
  'validate',
  'guards',
  'normalise',
  'expect_1_32',
  'alone',
]);

function checkCase(id: string, value: unknown): ParityCase {
  if (value === null || typeof value !== 'object' || !('title' in value)) {
    throw new Error(`${id}: a case is a map with a title`);
  }
  for (const key of Object.keys(value)) if (!FIELDS.has(key)) throw new Error(`${id}: unknown field ${key}`);
  const spec = value as ParityCase;
  if (!spec.validate && !spec.steps?.length) throw new Error(`${id}: no steps`);
  return spec;
}

/** Header lines in the order they were written. */
export function headerLines(headers: HeaderList | undefined): string[] {
  if (!headers) return [];
  if (Array.isArray(headers)) return headers;
  return Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
}
