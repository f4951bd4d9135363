import { expect, test } from 'vitest';
import type { Diagnostic } from '../../../../proxy-core/config/diagnostic.ts';
import {
  countDiagnostics,
  formatDiagnostic,
  formatDiagnostics,
} from '../../../../proxy-core/config/diagnostic-format.ts';
import { load } from './base-config.ts';

const TEXT = 'static_resources:\n  clusters:\n  - name: c\n    connect_timeout: 2sec\n    lb_polcy: RANDOM\n';

test('place, message, source line, path, expectation and fix', () => {
  const loaded = load(TEXT, 'shop.yaml');
  expect(formatDiagnostics(loaded.diagnostics, { line: (_, number) => loaded.source.line(number) })).toBe(
    `shop.yaml:4:22 error: connect_timeout: “2sec” is not a duration. A duration is a number followed by s.
    4 |     connect_timeout: 2sec
      |                      ^^^^
  at static_resources.clusters[0].connect_timeout
  expected a number followed by s, such as 0.25s
  fix: Change to 2s

shop.yaml:5:5 error: Cluster has no field “lb_polcy”.
    5 |     lb_polcy: RANDOM
      |     ^^^^^^^^
  at static_resources.clusters[0].lb_polcy
  expected one of transport_socket_matches, name, alt_stat_name, type, cluster_type, eds_cluster_config, connect_timeout, per_connection_buffer_limit_bytes, lb_policy, load_assignment, health_checks, max_requests_per_connection, circuit_breakers, upstream_http_protocol_options, common_http_protocol_options, http_protocol_options, …
  fix: Change to lb_policy

2 errors
`,
  );
});

const at = (line: number, column: number, more: Partial<Diagnostic> = {}): Diagnostic => ({
  code: 'config.x',
  severity: 'error',
  message: 'm.',
  path: '',
  range: { file: 'a.yaml', line, column, endLine: line, endColumn: column + 1 },
  ...more,
});

test('sorted by place, errors first at one place, and counted', () => {
  const list = [at(9, 1), at(2, 5, { severity: 'notice' }), at(2, 5), at(2, 1, { severity: 'warning' })];
  expect(
    formatDiagnostics(list)
      .split('\n')
      .filter((line) => line !== ''),
  ).toEqual([
    'a.yaml:2:1 warning: m.',
    'a.yaml:2:5 error: m.',
    'a.yaml:2:5 notice: m.',
    'a.yaml:9:1 error: m.',
    '2 errors, 1 warning, 1 notice',
  ]);
  expect(countDiagnostics([])).toBe('no errors');
});

test('a long line is cut around the place; control characters do not reach the terminal', () => {
  const line = `${'x'.repeat(500)}\u001b[31mHERE${'y'.repeat(500)}`;
  const text = formatDiagnostic(
    at(1, 506, { range: { file: 'a', line: 1, column: 506, endLine: 1, endColumn: 510 } }),
    {
      line: () => line,
    },
  );
  const [, source, carets] = text.split('\n');
  expect(text).not.toContain('\u001b');
  expect(source!.length).toBeLessThan(120);
  expect(source!.slice(carets!.indexOf('^'), carets!.indexOf('^') + 4)).toBe('HERE');
});

test('colours only when asked for', () => {
  expect(formatDiagnostic(at(1, 1), { color: true })).toContain('\u001b[31;1merror:\u001b[0m');
});
