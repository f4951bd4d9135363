/**
 * Routing compared with a real Envoy: random route tables and requests, each answered by Envoy and decided here.
 * Needs `envoy` (ENVOY or PATH). `node build/run.mjs test/fuzz/route-envoy.ts [seed] [virtual hosts]`.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer as createHttpServer, request as httpRequest } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '../../proxy-core/base/random.ts';
import type { RequestHead } from '../../proxy-core/base/stream-info.ts';
import {
  decideRoute,
  finalizeRequest,
  finalizeResponse,
  type Route,
  redirectResponse,
} from '../../proxy-core/route/index.ts';
import { compileTable, head, streamInfo } from '../unit/proxy-core/route/support.ts';

const seed = Number(process.argv[2] ?? '1');
const hostCount = Number(process.argv[3] ?? '200');
const random = new SeededRandom(seed);

function below(n: number): number {
  return random.next() % n;
}

function oneOf<T>(items: readonly T[]): T {
  return items[below(items.length)] as T;
}

function maybe<T extends object>(share: number, make: () => T): Partial<T> {
  return below(100) < share ? make() : {};
}

const PARTS = ['a', 'b', 'ab', 'A', 'a.b', 'x-1', ''];

function path(): string {
  return `/${Array.from({ length: below(3) + 1 }, () => oneOf(PARTS)).join('/')}`;
}

const REGEXES = [
  '/a.*',
  '/[ab]+',
  '/(a|b)/.*',
  '.*',
  '/[^/]+/b',
  '(?i)/AB',
  '/a',
  '/.{2}',
  '/\\w+/?',
  '/a\\.b',
];

function stringMatch(): unknown {
  const ignoreCase = maybe(30, () => ({ ignore_case: true }));
  const value = oneOf(['1', 'a', 'ab', 'A', '1,2']);
  return oneOf([
    { exact: value, ...ignoreCase },
    { prefix: value, ...ignoreCase },
    { suffix: value, ...ignoreCase },
    { contains: value, ...ignoreCase },
    { safe_regex: { regex: oneOf(['1+', 'a.*', '[0-9]+', '.*']) } },
  ]);
}

function headerMatcher(): unknown {
  return {
    name: oneOf(['x-a', 'X-B', ':path', ':method', ':authority', 'host']),
    ...oneOf<object>([
      {},
      { string_match: stringMatch() },
      { string_match: stringMatch() },
      { present_match: below(2) === 0 },
      { range_match: { start: below(5) - 2, end: below(8) } },
      { exact_match: oneOf(['', '1']) },
    ]),
    ...maybe(25, () => ({ invert_match: true })),
    ...maybe(15, () => ({ treat_missing_header_as_empty: true })),
  };
}

function template(): unknown {
  const type = 'type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig';
  const text = oneOf(['/a/{v}', '/{v=**}', '/a/{v}/*', '/{u}/{v=a/*}', '/a/**', '/*/b']);
  return { path_match_policy: { name: 't', typed_config: { '@type': type, path_template: text } } };
}

function match(): object {
  const separated = path().replace(/\/+$/, '');
  const specifier = oneOf<object>([
    { prefix: path() },
    { prefix: path() },
    { path: path() },
    { path: path() },
    separated.length > 1 ? { path_separated_prefix: separated } : { prefix: '' },
    { safe_regex: { regex: oneOf(REGEXES) } },
    template() as object,
  ]);
  const insensitive = 'safe_regex' in specifier || 'path_match_policy' in specifier ? 0 : 30;
  return {
    ...specifier,
    ...maybe(insensitive, () => ({ case_sensitive: false })),
    ...maybe(35, () => ({ headers: Array.from({ length: below(2) + 1 }, headerMatcher) })),
    ...maybe(20, () => ({
      query_parameters: [{ name: oneOf(['q', 'r']), ...maybe(60, () => ({ string_match: stringMatch() })) }],
    })),
    ...maybe(5, () => ({ grpc: {} })),
  };
}

function redirect(): object {
  return {
    ...oneOf<object>([{}, { https_redirect: true }, { scheme_redirect: 'ftp' }]),
    ...maybe(25, () => ({ host_redirect: 'to.test' })),
    ...maybe(25, () => ({ port_redirect: 8443 })),
    ...oneOf<object>([
      {},
      { path_redirect: oneOf(['/new', '/new?z=1']) },
      { prefix_rewrite: oneOf(['/', '/new', '/new/', '/n?z']) },
      {
        regex_rewrite: {
          pattern: { regex: oneOf(['a', '/([^/]*)', '^/a', '(a)|(b)', '/(.*)$']) },
          substitution: oneOf(['x', '[\\1]', '\\0\\0', '/y/\\1', '$1', '']),
        },
      },
    ]),
    ...maybe(25, () => ({ strip_query: true })),
  };
}

const VALUES = [
  '%REQ(x-a)%',
  'a%REQ(x-b)%z',
  '50%%',
  '%REQ(:path)%',
  '%REQ(x-b?x-a):2%',
  'v',
  '%RESPONSE_CODE%',
  '%PROTOCOL%',
];

function headerAdd(names: readonly string[]): unknown {
  return {
    header: { key: oneOf(names), value: oneOf(VALUES) },
    append_action: oneOf([
      'APPEND_IF_EXISTS_OR_ADD',
      'ADD_IF_ABSENT',
      'OVERWRITE_IF_EXISTS_OR_ADD',
      'OVERWRITE_IF_EXISTS',
    ]),
    ...maybe(25, () => ({ keep_empty_value: true })),
  };
}

function mutations(side: 'request' | 'response' = 'response'): object {
  const names = side === 'request' ? ['x-a', 'X-In'] : ['x-out', 'X-Out2'];
  return {
    ...maybe(40, () => ({
      [`${side}_headers_to_add`]: Array.from({ length: below(3) + 1 }, () => headerAdd(names)),
    })),
    ...maybe(15, () => ({ [`${side}_headers_to_remove`]: [oneOf(names).toLowerCase()] })),
  };
}

/** Envoy refuses a prefix_rewrite beside a path template. */
function clusterAction(byTemplate: boolean): object {
  const regex = { pattern: { regex: oneOf(['a', '/([^/]*)', '^/a', '(a)|(b)', '/(.*)$']) } };
  return {
    cluster: 'a',
    ...oneOf<object>([
      {},
      byTemplate ? {} : { prefix_rewrite: oneOf(['/', '/new', '/new/', '/n?z']) },
      { regex_rewrite: { ...regex, substitution: oneOf(['/x', '/[\\1]', '/\\0\\0', '/y/\\1', '/$1']) } },
    ]),
    ...oneOf<object>([
      {},
      { host_rewrite_literal: 'up.test' },
      { host_rewrite_header: oneOf(['x-a', 'X-B']) },
      { host_rewrite_path_regex: { pattern: { regex: '^/(.*)$' }, substitution: 'p-\\1' } },
    ]),
    ...maybe(30, () => ({ append_x_forwarded_host: true })),
  };
}

function virtualHost(index: number): object {
  const routes = Array.from({ length: below(20) + 1 }, (_, i) => {
    const matched = match();
    return {
      match: matched,
      ...(below(3) === 0
        ? { redirect: redirect() }
        : below(2) === 0
          ? { route: clusterAction('path_match_policy' in matched), ...mutations('request') }
          : {
              direct_response: { status: oneOf([200, 200, 201, 404]), body: { inline_string: `route ${i}` } },
            }),
      ...mutations(),
    };
  });
  const domains = [`h${index}.test`, ...maybeList(20, `*.h${index}.test`), ...maybeList(20, `h${index}.*`)];
  return { name: `v${index}`, domains, routes, ...mutations(), ...mutations('request') };
}

function maybeList(share: number, item: string): string[] {
  return below(100) < share ? [item] : [];
}

interface Answer {
  readonly status: number;
  readonly location: string | null;
  readonly body: string;
  readonly out: readonly string[];
}

function answerHere(
  table: ReturnType<typeof compileTable>['table'],
  authority: string,
  target: string,
  headers: readonly string[],
): Answer {
  const requestHead = head(target, headers, { authority });
  const route = decideRoute(table, {
    head: requestHead,
    random: 0,
    tls: false,
    internal: false,
    runtime: new Map(),
  });
  if (route === null) return { status: 404, location: null, body: '', out: [] };
  const answer = redirectResponse(route, requestHead);
  if (answer === null) return forwardedHere(route, requestHead);
  const response = { status: answer.status, headers: [] as string[] };
  finalizeResponse(
    route,
    null,
    response,
    streamInfo({ requestHead, responseHead: response, responseCode: 0 }),
  );
  return {
    status: answer.status,
    location: answer.location,
    body: new TextDecoder().decode(answer.body),
    out: response.headers,
  };
}

/** What goes to the cluster, as the upstream server below tells it. */
function forwardedHere(route: Route, requestHead: RequestHead): Answer {
  finalizeRequest(
    route,
    { cluster: 'a', weightedIndex: -1 },
    requestHead,
    streamInfo({ requestHead, responseCode: 0 }),
  );
  const raw = ['host', requestHead.authority, ...requestHead.headers];
  const response = { status: 200, headers: [] as string[] };
  finalizeResponse(
    route,
    null,
    response,
    streamInfo({ requestHead, responseHead: response, responseCode: 200 }),
  );
  return { status: 200, location: null, body: seen(requestHead.path, raw), out: response.headers };
}

function seen(target: string, raw: readonly string[]): string {
  const own: string[] = [];
  const others: string[] = [];
  raw.forEach((name, i) => {
    if (i % 2 === 1) return;
    const line = `${name.toLowerCase()}: ${raw[i + 1]}`;
    if (/^x-(a|b|in):/.test(line)) own.push(line);
    if (/^(host|x-forwarded-host|x-envoy-original-path):/.test(line)) others.push(line);
  });
  return [target, ...others.sort(), ...own].join('\n');
}

const upstream = createHttpServer((request, response) => {
  request.resume();
  response.end(seen(request.url ?? '', request.rawHeaders));
});

const agent = new Agent({ keepAlive: true, maxSockets: 8 });

function answerThere(
  port: number,
  authority: string,
  target: string,
  headers: readonly string[],
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      port,
      host: '127.0.0.1',
      path: target,
      agent,
      setHost: false,
      headers: ['host', authority, ...headers],
    };
    const sent = httpRequest(options, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => {
        const out: string[] = [];
        response.rawHeaders.forEach((name, i, all) => {
          if (i % 2 === 0 && name.startsWith('x-out')) out.push(name, all[i + 1] as string);
        });
        resolve({ status: response.statusCode ?? 0, location: response.headers.location ?? null, body, out });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function untilOpen(port: number): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error('Envoy did not open its port');
}

function bootstrap(port: number, upstreamPort: number, routes: object): object {
  const manager =
    'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  const router = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';
  const endpoint = { address: { socket_address: { address: '127.0.0.1', port_value: upstreamPort } } };
  return {
    static_resources: {
      clusters: [
        { name: 'a', load_assignment: { cluster_name: 'a', endpoints: [{ lb_endpoints: [{ endpoint }] }] } },
      ],
      listeners: [
        {
          name: 'l',
          address: { socket_address: { address: '127.0.0.1', port_value: port } },
          filter_chains: [
            {
              filters: [
                {
                  name: 'hcm',
                  typed_config: {
                    '@type': manager,
                    stat_prefix: 's',
                    route_config: routes,
                    http_filters: [{ name: 'router', typed_config: { '@type': router } }],
                  },
                },
              ],
            },
          ],
        },
      ],
    },
  };
}

async function main(): Promise<void> {
  const routes = {
    name: 'local',
    virtual_hosts: Array.from({ length: hostCount }, (_, i) => virtualHost(i)),
    ...mutations(),
    ...mutations('request'),
  };
  const { table, reported } = compileTable(JSON.stringify(routes));
  const errors = reported.filter((r) => r.severity === 'error');
  for (const error of errors.slice(0, 5)) console.log(`error here: ${error.path}: ${error.message}`);

  const upstreamPort = await new Promise<number>((resolve) => {
    upstream.listen(0, '127.0.0.1', () => {
      const address = upstream.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'attache-route-'));
  const file = join(folder, 'envoy.json');
  writeFileSync(file, JSON.stringify(bootstrap(port, upstreamPort, routes)));
  const envoy = spawn(
    process.env['ENVOY'] ?? 'envoy',
    ['-c', file, '--concurrency', '1', '--use-dynamic-base-id', '--log-level', 'error'],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  let failed = 0;
  let compared = 0;
  try {
    await untilOpen(port);
    for (let i = 0; i < hostCount * 15; i++) {
      const n = below(hostCount);
      const authority = oneOf([
        `h${n}.test`,
        `h${n}.test`,
        `H${n}.Test`,
        `x.h${n}.test`,
        `h${n}.other`,
        `h${n}.test:80`,
      ]);
      const target = path() + oneOf(['', '', '?q=1', '?q', '?r=a&q=1,2', '?q=%31']);
      const headers = [
        ...(below(2) === 0 ? ['x-a', oneOf(['1', 'a', 'ab', 'A', '3', '-1'])] : []),
        ...(below(3) === 0 ? ['x-a', oneOf(['2', 'b'])] : []),
        ...(below(2) === 0 ? ['x-b', oneOf(['1', 'a', '', '5'])] : []),
        ...(below(20) === 0 ? ['content-type', 'application/grpc'] : []),
      ];
      const here = answerHere(table, authority, target, headers);
      const there = await answerThere(port, authority, target, headers);
      compared++;
      // A gRPC request has its local reply in other clothes.
      const same = headers.includes('application/grpc') || JSON.stringify(here) === JSON.stringify(there);
      if (same) continue;
      failed++;
      if (failed > 10) continue;
      console.log(`${authority}${target} ${JSON.stringify(headers)}`);
      console.log(`  here  ${JSON.stringify(here)}\n  there ${JSON.stringify(there)}`);
    }
  } finally {
    agent.destroy();
    upstream.close();
    upstream.closeAllConnections();
    envoy.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`seed ${seed}: ${compared} compared, ${failed} differ, ${errors.length} errors here`);
  process.exitCode = failed === 0 && errors.length === 0 ? 0 : 1;
}

void main();
