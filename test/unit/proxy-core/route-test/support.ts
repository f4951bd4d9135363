import { runRouteTests } from '../../../../proxy-core/index.ts';

/** Runs tests given as YAML against a route configuration given as YAML. */
export function run(routes: string, tests: string) {
  return runRouteTests({ file: 'routes.yaml', text: routes }, { file: 'tests.yaml', text: tests });
}

/** One test; `validate` and what `input` has beyond the needed fields in flow style. */
export function one(path: string, validate: string, input = ''): string {
  return `tests:
- test_name: it
  input: { authority: shop.test, path: "${path}", method: GET${input === '' ? '' : `, ${input}`} }
  validate: ${validate}
`;
}

/** `what: expected → actual` of each failure of the only test. */
export function failures(routes: string, tests: string): readonly string[] {
  const { report, diagnostics, testDiagnostics } = run(routes, tests);
  if (report === null) throw new Error(JSON.stringify([diagnostics, testDiagnostics]));
  return report.results.flatMap((result) =>
    result.failures.map(({ what, expected, actual }) => `${what}: ${expected} → ${actual}`),
  );
}
