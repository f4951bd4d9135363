import type { CompileContext } from '../config/compile-context.ts';
import { createCompileSession } from '../config/compile-session.ts';
import { type Diagnostic, hasErrors } from '../config/diagnostic.ts';
import { loadConfig, loadMessage } from '../config/load.ts';
import type { MessageNode } from '../config/message.ts';
import { MessageReader } from '../config/reader.ts';
import type { ConfigSource } from '../facade/core-api.ts';
import type { RouteTestRun, RouteTestsSource } from '../facade/route-tests.ts';
import { StatsStore } from '../observe/index.ts';
import { compileRouteConfiguration, type RouteTable } from '../route/index.ts';
import {
  coverageOf,
  openFractions,
  type RouteTest,
  readRouteTests,
  runRouteTest,
  testInput,
} from '../route-test/index.ts';
import { compileBootstrap, SYSTEM_FILES } from './compile.ts';
import { routeSteps } from './explain-route.ts';
import { routeTables } from './snapshot.ts';

/**
 * Runs route tests against a bootstrap, or against a lone RouteConfiguration as Envoy's router_check tool takes it.
 * Nothing is bound or sent. `report` is null when one of the two texts has errors.
 */
export function runRouteTests(source: ConfigSource, tests: RouteTestsSource): RouteTestRun {
  const found = findTable(source, tests.routeConfig ?? null);
  const read = readRouteTests(tests.file, tests.text, found.context);
  const result = { diagnostics: found.diagnostics, testDiagnostics: read.diagnostics };
  const table = found.table === null ? null : openFractions(found.table);
  if (table === null || hasErrors(found.diagnostics) || hasErrors(read.diagnostics)) {
    return { ...result, report: null };
  }
  const taken = new Set<string>();
  const results = read.tests.map((test) => {
    const { route, failures } = runRouteTest(table, test);
    if (failures.length === 0 && route !== null) taken.add(route.id);
    return {
      name: test.name,
      source: test.source,
      failures,
      route: route?.id ?? null,
      steps: failures.length === 0 ? [] : told(table, test),
    };
  });
  return { ...result, report: { results, coverage: coverageOf(table, taken) } };
}

function told(table: RouteTable, test: RouteTest) {
  return routeSteps(testInput(table, test.input), (narration) => runRouteTest(table, test, narration).route)
    .steps;
}

interface FoundTable {
  readonly table: RouteTable | null;
  readonly context: CompileContext;
  readonly diagnostics: readonly Diagnostic[];
}

function findTable(source: ConfigSource, wanted: string | null): FoundTable {
  return isRouteConfiguration(source.text) ? loneTable(source) : tableOfBootstrap(source, wanted);
}

/** `virtual_hosts` at the top level, in YAML or JSON. */
function isRouteConfiguration(text: string): boolean {
  return /^\s*\{\s*"(name|virtual_hosts|virtualHosts)"|^(virtual_hosts|virtualHosts)\s*:/m.test(text);
}

function loneTable(source: ConfigSource): FoundTable {
  const loaded = loadMessage(source.text, source.file, 'envoy.config.route.v3.RouteConfiguration');
  const session = createCompileSession(
    { root: loaded.root ?? EMPTY, isFragment: false },
    { files: SYSTEM_FILES, serving: false },
  );
  const table =
    loaded.root === null
      ? null
      : compileRouteConfiguration(new MessageReader(loaded.root), session.context, {
          validateClusters: false,
        });
  return { table, context: session.context, diagnostics: [...loaded.diagnostics, ...session.diagnostics] };
}

const EMPTY: MessageNode = {
  kind: 'message',
  type: 'envoy.config.bootstrap.v3.Bootstrap',
  range: { file: '', line: 1, column: 1, endLine: 1, endColumn: 1 },
  path: '',
  fields: new Map(),
  fromAny: false,
};

function tableOfBootstrap(source: ConfigSource, wanted: string | null): FoundTable {
  const loaded = loadConfig(source);
  const { context } = createCompileSession(
    { root: loaded.root ?? EMPTY, isFragment: loaded.isFragment },
    { files: SYSTEM_FILES, serving: false },
  );
  const { bootstrap, diagnostics } = compileBootstrap(loaded, {
    serving: false,
    stats: new StatsStore(),
    logFiles: null,
  });
  if (bootstrap === null) return { table: null, context, diagnostics };
  const tables = routeTables(bootstrap);
  const chosen = wanted === null ? tables : tables.filter(({ name }) => name === wanted);
  const [table] = chosen;
  if (table !== undefined && chosen.length === 1) return { table, context, diagnostics };
  const names = tables.map(({ name }) => (name === '' ? '(without a name)' : name)).join(', ');
  const message =
    tables.length === 0
      ? `${source.file} has no route table.`
      : `${source.file} has ${tables.length} route tables (${names}): name one with --route-config.`;
  const range = { file: source.file, line: 1, column: 1, endLine: 1, endColumn: 1 };
  const problem: Diagnostic = { code: 'route-test.no-table', severity: 'error', message, path: '', range };
  return { table: null, context, diagnostics: [...diagnostics, problem] };
}
