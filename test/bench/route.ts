/**
 * Choosing among 5,000 routes: the index of a virtual host beside a plain scan. Budget: 20 µs for exact and prefix
 * routes. Run with `node build/run.mjs test/bench/route.ts`.
 */
import { RealClock } from '../../proxy-core/base/real-clock.ts';
import type { CompileContext } from '../../proxy-core/config/compile-context.ts';
import { loadMessage } from '../../proxy-core/config/load.ts';
import { MessageReader } from '../../proxy-core/config/reader.ts';
import { compileFormat } from '../../proxy-core/route/formatter/format.ts';
import { LOG_FORMAT } from '../../proxy-core/route/formatter/operator.ts';
import { DEFAULT_LOG_FORMAT } from '../../proxy-core/route/formatter/substitution-format.ts';
import { compileRouteConfiguration, decideRoute } from '../../proxy-core/route/index.ts';
import { firstFailure, pathView } from '../../proxy-core/route/route-match.ts';
import type { RouteInput, RouteTable } from '../../proxy-core/route/types.ts';
import { streamInfo } from '../unit/proxy-core/route/support.ts';

const ROUTES = 5000;
const BUDGET_MICROSECONDS = 20;
const clock = new RealClock();

function compile(): { table: RouteTable; milliseconds: number } {
  const routes: unknown[] = [];
  for (let i = 0; i < ROUTES - 2; i++) {
    const match =
      i % 2 === 0
        ? { path: `/shop/item/${i}` }
        : i % 10 === 1
          ? { prefix: `/shop/area/${i}/`, headers: [{ name: 'x-canary', string_match: { exact: '1' } }] }
          : { prefix: `/shop/area/${i}/` };
    routes.push({ match, route: { cluster: 'a' } });
  }
  routes.push({ match: { safe_regex: { regex: '/regex/[0-9]+' } }, route: { cluster: 'a' } });
  routes.push({ match: { prefix: '/' }, route: { cluster: 'a' } });
  const text = JSON.stringify({ name: 'bench', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] });
  const { root } = loadMessage(text, 'bench.json', 'envoy.config.route.v3.RouteConfiguration');
  if (root === null) throw new Error('the table cannot be read');
  const ctx: CompileContext = {
    report: () => undefined,
    clusterNames: new Set(['a']),
    serving: false,
    files: { exists: () => false, read: () => new Uint8Array(0) },
    node: { id: '', cluster: '' },
    runtime: new Map(),
  };
  const start = clock.now();
  const table = compileRouteConfiguration(new MessageReader(root), ctx);
  return { table, milliseconds: clock.now() - start };
}

/** Microseconds for one call, the best of several rounds. */
function measure(rounds: number, calls: number, call: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = clock.now();
    for (let i = 0; i < calls; i++) call();
    best = Math.min(best, ((clock.now() - start) * 1000) / calls);
  }
  return best;
}

function request(path: string): RouteInput {
  const head = {
    method: 'GET',
    authority: 'shop.test',
    path,
    scheme: 'http',
    protocol: '',
    headers: ['x-canary', '0'],
  };
  return { head, random: 1, tls: false, internal: false, runtime: new Map() };
}

const { table, milliseconds } = compile();
console.log(`compiled ${ROUTES} routes in ${milliseconds.toFixed(0)} ms`);
let missed = 0;
for (const [name, path] of [
  ['first exact', '/shop/item/0'],
  ['last exact', `/shop/item/${ROUTES - 4}`],
  ['late prefix', `/shop/area/${ROUTES - 7}/x/y?z=1`],
  ['catch-all', '/nothing/of/the/kind'],
] as const) {
  const input = request(path);
  const routes = table.virtualHosts[0]?.routes ?? [];
  const indexed = measure(5, 50_000, () => decideRoute(table, input));
  const scanned = measure(3, 300, () => {
    const view = pathView(path, false);
    return routes.find((route) => firstFailure(route.match, input, view) === null);
  });
  if (indexed > BUDGET_MICROSECONDS) missed++;
  console.log(`${name.padEnd(12)} ${indexed.toFixed(2)} µs with the index, ${scanned.toFixed(1)} µs by scan`);
}
const info = streamInfo({
  requestHead: {
    ...request('/inventory/items').head,
    headers: ['user-agent', 'curl/7.88.1', 'x-request-id', 'id'],
  },
  responseHead: { status: 200, headers: ['x-envoy-upstream-service-time', '1'] },
});
const line = compileFormat(DEFAULT_LOG_FORMAT, LOG_FORMAT, (message) => {
  throw new Error(message);
});
console.log(`default log line: ${measure(5, 100_000, () => line.format(info)).toFixed(2)} µs`);
console.log(
  missed === 0 ? `all under ${BUDGET_MICROSECONDS} µs` : `${missed} over ${BUDGET_MICROSECONDS} µs`,
);
process.exitCode = missed === 0 ? 0 : 1;
