import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { configurationText, upstreamNames } from './bootstrap.ts';
import type { NamedCase, Tree, TreeMap } from './case.ts';
import { type Names, normalise } from './normalise.ts';
import { freePort } from './ports.ts';
import { CaseClient } from './steps.ts';
import { type Target, TargetRefused, type Verdict } from './target.ts';
import { type Arrival, sleep, UpstreamServer } from './upstream-server.ts';

/** What one run of a case showed, ready to be written as a recording. */
export type Observation = TreeMap;

/** Runs a case on a target with its own ports and folder, and gives what was seen, normalised. */
export async function runCase(
  testCase: NamedCase,
  target: Target,
  certificates: string,
  expected?: Observation,
): Promise<Observation> {
  const { spec } = testCase;
  const directory = mkdtempSync(path.join(tmpdir(), 'parity-'));
  const arrivals: Arrival[] = [];
  const upstreams = new Map<string, UpstreamServer>();
  const ports = new Map<number, string>();
  const places = new Map<string, string>([
    ['dir', directory],
    ['certs', certificates],
  ]);
  try {
    for (const name of upstreamNames(spec)) {
      const server = new UpstreamServer(name, spec.upstreams?.[name] ?? {}, certificates, arrivals);
      upstreams.set(name, server);
      await server.start();
      places.set(`upstream:${name}`, String(server.port));
      ports.set(server.port, `{{upstream:${name}}}`);
    }
    const template = configurationText(spec);
    const texts = [template, ...Object.values(spec.files ?? {})];
    const named = new Set(['listener', 'admin']);
    for (const text of texts)
      for (const [, name] of text.matchAll(/\{\{([\w-]+)\}\}/g)) named.add(name ?? '');
    for (const name of named) {
      if (places.has(name)) continue;
      const port = await freePort();
      places.set(name, String(port));
      ports.set(port, `{{${name}}}`);
    }
    const fill = (text: string) =>
      text.replace(/\{\{([\w:-]+)\}\}/g, (whole, name) => places.get(name) ?? whole);
    for (const [name, text] of Object.entries(spec.files ?? {})) {
      writeFileSync(path.join(directory, name), fill(text));
    }
    const names: Names = { ports, directory, extra: spec.normalise ?? [] };
    const run = {
      directory,
      text: fill(template),
      adminPort: Number(places.get('admin')),
      guards: spec.guards !== '1.36',
    };
    if (spec.validate) return normalise({ ...(await target.validate(run)) } as unknown as TreeMap, names);

    let running: Awaited<ReturnType<Target['start']>>;
    try {
      running = await target.start(run);
    } catch (error) {
      if (!(error instanceof TargetRefused)) throw error;
      if (target.name === 'envoy') throw new Error(`refused: ${error.message}`);
      const verdict: Verdict = { verdict: 'reject', says: error.message };
      return normalise({ ...verdict } as unknown as TreeMap, names);
    }
    const client = new CaseClient({
      spec,
      certificates,
      portOf: (name) => Number(places.get(name)),
      arrivals,
      upstreams,
      readLog: () => readLog(directory),
      write: (name, text) => {
        writeFileSync(path.join(directory, `${name}.new`), fill(text));
        renameSync(path.join(directory, `${name}.new`), path.join(directory, name));
      },
    });
    try {
      const steps: Tree[] = [];
      for (const step of spec.steps ?? []) {
        const seen = await client.run(step);
        if (seen !== null) steps.push(seen);
      }
      const observation: Observation = { steps };
      if (spec.log !== undefined || spec.log_json !== undefined) {
        client.closeAll();
        observation['log'] = await settledLog(directory, expected);
      }
      return normalise(observation, names);
    } finally {
      client.closeAll();
      await running.stop();
    }
  } finally {
    for (const server of upstreams.values()) await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function readLog(directory: string): string[] {
  try {
    const lines = readFileSync(path.join(directory, 'access.log'), 'utf8').split('\n');
    if (lines.at(-1) === '') lines.pop();
    return lines;
  } catch {
    return [];
  }
}

/** The log once it stopped growing, or as soon as it has as many lines as a recording says. */
async function settledLog(directory: string, expected: Observation | undefined): Promise<string[]> {
  const wanted = Array.isArray(expected?.['log']) ? expected['log'].length : null;
  let lines = readLog(directory);
  let quietSince = Date.now();
  const deadline = Date.now() + 3000;
  while (Date.now() < deadline) {
    if (wanted === null ? lines.length > 0 && Date.now() - quietSince > 250 : lines.length >= wanted) {
      // Two flushes more, for a line too many or one without its end.
      await sleep(45);
      return readLog(directory);
    }
    if (wanted === null && Date.now() - quietSince > 1300) break;
    await sleep(wanted === null ? 25 : 10);
    const now = readLog(directory);
    if (now.length !== lines.length) quietSince = Date.now();
    lines = now;
  }
  return lines;
}
