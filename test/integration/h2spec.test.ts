import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createProxyCore } from '../../proxy-core/index.ts';
import { answer, boundPort, startOrigin } from './support.ts';

const VERSION = 'github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible';
const CASES = 145;
const tools = resolve(__dirname, '../../build/out/tools');
const folder = mkdtempSync(join(tmpdir(), 'attache-h2spec-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The program, installed with Go when it is not here yet; null with the reason on the console. */
function findH2spec(): string | null {
  const own = join(tools, 'h2spec');
  const given = process.env['H2SPEC_BIN'] ?? own;
  if (existsSync(given)) return given;
  try {
    execFileSync('go', ['install', VERSION], {
      env: { ...process.env, GOBIN: tools },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 120_000,
    });
    return own;
  } catch (error) {
    const why = error instanceof Error && error.message.includes('ENOENT') ? 'Go is not here' : String(error);
    console.log(`h2spec did not run (${why.split('\n')[0]}); HTTP/2 is checked by our own tests only.`);
    return null;
  }
}

const h2spec = findH2spec();

interface Outcome {
  readonly cases: number;
  /** `http2/5.1.2` of the cases that failed or were skipped. */
  readonly bad: string[];
}

async function run(program: string, port: number, more: readonly string[]): Promise<Outcome> {
  const report = join(folder, `${port}-${more.join('').replaceAll('/', '-')}.xml`);
  const args = ['-h', '127.0.0.1', '-p', String(port), '-P', '/', '-o', '2', '-j', report];
  await new Promise((done) => execFile(program, [...args, '--max-header-length', '4000', ...more], done));
  const xml = readFileSync(report, 'utf8');
  const found = xml.split('<testcase ').slice(1);
  const bad = found.filter((text) => /<(failure|error|skipped)/.test(text));
  return { cases: found.length, bad: bad.map((text) => /package="([^"]*)"/.exec(text)?.[1] ?? text) };
}

/** h2spec takes a connection that was closed with RST for an error, which is a matter of timing: a case gets a second chance. */
async function runAll(program: string, port: number, more: readonly string[]): Promise<Outcome> {
  const { cases, bad } = await run(program, port, more);
  const still: string[] = [];
  for (const section of new Set(bad)) {
    const again = await run(program, port, [section, ...more]);
    if (again.cases === 0 || again.bad.length > 0) still.push(section);
  }
  return { cases, bad: still };
}

const manager = `- name: envoy.filters.network.http_connection_manager
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
            stat_prefix: h2
            route_config:
              virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: origin } }] }]
            http_filters:
            - name: envoy.filters.http.router
              typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }`;

function bootstrap(origin: number): string {
  const certs = resolve(__dirname, '../parity/certs');
  return `static_resources:
  listeners:
  - name: plain
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters:
        ${manager}
  - name: tls
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2, http/1.1]
            tls_certificates: [{ certificate_chain: { filename: ${certs}/server.crt }, private_key: { filename: ${certs}/server.key } }]
      filters:
        ${manager}
  clusters:
  - name: origin
    load_assignment:
      cluster_name: origin
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${origin} } } } }] }]
`;
}

test.each([
  ['plain', []],
  ['tls', ['-t', '-k']],
] as const)(
  'h2spec: every case passes on the %s listener',
  async (listener, flags) => {
    const origin = await startOrigin(answer(200, 'hello'));
    const core = createProxyCore({});
    try {
      const applied = await core.apply({ file: 'h2.yaml', text: bootstrap(origin.port) });
      expect(applied.ok).toBe(true);
      if (h2spec === null) return;
      expect(await runAll(h2spec, boundPort(core, listener), flags)).toEqual({ cases: CASES, bad: [] });
    } finally {
      await core.close({ drain: 0 });
      await origin.close();
    }
  },
  90_000,
);
