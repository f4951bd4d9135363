import {
  AttacheError,
  hasErrors,
  type RouteTestReport,
  type RouteTestResult,
} from '../../../proxy-core/index.ts';
import type { Command } from '../arguments.ts';
import { stepsText } from '../decision-text.ts';
import { diagnosticsText, errorsOf } from '../diagnostics-text.ts';
import { readSource, readText } from '../source.ts';
import type { Terminal } from '../terminal.ts';

/** `attache route-test -c FILE TESTS.yaml`: 0 when every test passed and enough routes were taken. */
export async function routeTest(
  command: Extract<Command, { kind: 'route-test' }>,
  output: Terminal,
): Promise<number> {
  try {
    const source = readSource(command.source);
    const text = readText(command.tests);
    const { runRouteTests } = await import('../../../proxy-core/index.ts');
    const { routeConfig } = command;
    const run = runRouteTests(source, {
      file: command.tests,
      text,
      ...(routeConfig === null ? {} : { routeConfig }),
    });
    const { report } = run;
    const passed = report?.results.filter(({ failures }) => failures.length === 0).length ?? 0;
    const enough = report !== null && coverage(report) >= command.failUnder;
    const ok = report !== null && passed === report.results.length && enough;
    if (command.format === 'json') {
      output.out(`${JSON.stringify({ ok, ...run }, null, 2)}\n`);
    } else if (report === null) {
      if (hasErrors(run.diagnostics)) output.error(diagnosticsText(errorsOf(run.diagnostics), source.text));
      if (hasErrors(run.testDiagnostics)) output.error(diagnosticsText(errorsOf(run.testDiagnostics), text));
    } else {
      for (const result of report.results) output.out(resultText(result));
      output.out(coverageText(report));
      if (!enough) output.out(`That is less than the ${command.failUnder} % that --fail-under asks for.\n`);
      output.out(`${passed} passed, ${report.results.length - passed} failed\n`);
    }
    return ok ? 0 : 1;
  } catch (error) {
    if (!(error instanceof AttacheError)) throw error;
    output.error(`attache: ${error.message}\n`);
    return 1;
  }
}

function resultText({ name, failures, source, steps }: RouteTestResult): string {
  if (failures.length === 0) return `✓ ${name}\n`;
  const lines = failures.map(
    ({ what, expected, actual }) => `    ${what}: expected ${shown(expected)}, was ${shown(actual)}\n`,
  );
  const why = stepsText(steps).replace(/^(?=.)/gm, '    ');
  return `✗ ${name}  [${source.file}:${source.line}]\n${lines.join('')}${why}`;
}

function shown(text: string): string {
  return text === '' ? 'nothing' : text.includes('`') ? text.replaceAll('`', '') : `“${text}”`;
}

function coverage({ coverage: { covered, routes } }: RouteTestReport): number {
  return routes === 0 ? 100 : (covered / routes) * 100;
}

function coverageText(report: RouteTestReport): string {
  const { covered, routes, missing } = report.coverage;
  const rest = missing.map(
    ({ virtualHost, route, source }) => `    ${virtualHost}: ${route}  [${source.file}:${source.line}]\n`,
  );
  const head = `${covered} of ${routes} routes were taken by a test that passed (${Math.floor(coverage(report))} %)`;
  return rest.length === 0 ? `${head}.\n` : `${head}. Without a test:\n${rest.join('')}`;
}
