import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { weightOfReport } from '../../../../../proxy-core/upstream/load-balancer/client-side-weights.ts';
import { loadReportOf } from '../../../../../proxy-core/upstream/load-balancer/orca.ts';
import { clusterYaml, picks, run, world } from '../support.ts';

const NONE = { cpuUtilization: 0, applicationUtilization: 0, rps: 0, eps: 0 };

/** `OrcaLoadReport` with cpu_utilization 0.5 (1), a named metric (8), rps_fractional 100 (6). */
const BINARY = Buffer.concat([
  Buffer.from([0x09]),
  double(0.5),
  Buffer.from([0x42, 3, 0x0a, 1, 0x61]),
  Buffer.from([0x31]),
  double(100),
]).toString('base64');

function double(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

describe('the report in the headers', () => {
  test.each([
    [
      'endpoint-load-metrics',
      'TEXT cpu_utilization=0.5,rps_fractional=100',
      { cpuUtilization: 0.5, rps: 100 },
    ],
    [
      'endpoint-load-metrics',
      'TEXT application_utilization=0.2,eps=3,named_metrics.a=1',
      { applicationUtilization: 0.2, eps: 3 },
    ],
    [
      'endpoint-load-metrics',
      'JSON {"cpu_utilization": 0.5, "rps_fractional": 100}',
      { cpuUtilization: 0.5, rps: 100 },
    ],
    [
      'endpoint-load-metrics',
      'JSON {"cpuUtilization": 0.5, "rpsFractional": 100}',
      { cpuUtilization: 0.5, rps: 100 },
    ],
    ['endpoint-load-metrics-bin', BINARY, { cpuUtilization: 0.5, rps: 100 }],
    ['endpoint-load-metrics', `BIN ${BINARY}`, { cpuUtilization: 0.5, rps: 100 }],
  ])('%s: %s', (name, value, report) => {
    expect(loadReportOf([name, value])).toEqual({ ...NONE, ...report });
  });

  test.each([
    '',
    'XML <a/>',
    'JSON {',
    'JSON 3',
    'TEXT cpu_utilization',
    'TEXT cpu_utilization=x',
    'TEXT eps=1,eps=2',
  ])('unreadable: %j', (value) => {
    expect(loadReportOf(['endpoint-load-metrics', value])).toBeNull();
  });

  test('whatever a host sends is read or refused', () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array({ maxLength: 60 }), (text, bytes) => {
        for (const kind of ['JSON', 'TEXT', 'BIN'])
          loadReportOf(['endpoint-load-metrics', `${kind} ${text}`]);
        const report = loadReportOf(['endpoint-load-metrics-bin', Buffer.from(bytes).toString('base64')]);
        expect(report === null || typeof report.rps === 'number').toBe(true);
      }),
    );
  });
});

test.each([
  // cpu, application, rps, eps, penalty → weight
  [0.5, 0, 100, 0, 1, 200],
  [0.5, 0.25, 100, 0, 1, 400],
  [0.5, 0, 100, 50, 1, 100],
  [0.5, 0, 100, 50, 0, 200],
  [0, 0, 100, 50, 1, 200],
  [0, 0, 100, 0, 1, 0],
  [0.5, 0, 0, 0, 1, 0],
  [500, 0, 1, 0, 1, 1],
])(
  'cpu %d, application %d, %d rps, %d eps, penalty %d: weight %d',
  (cpu, application, rps, eps, penalty, weight) => {
    const report = { cpuUtilization: cpu, applicationUtilization: application, rps, eps };
    expect(weightOfReport(report, penalty)).toBe(weight);
  },
);

describe('in a cluster', () => {
  const POLICY = `load_balancing_policy:
  policies:
  - typed_extension_config:
      name: x
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin
        blackout_period: 2s
        weight_expiration_period: 20s`;

  function shares(list: readonly number[]): Record<number, number> {
    const result: Record<number, number> = {};
    for (const port of list) result[port] = (result[port] ?? 0) + 1;
    return result;
  }

  test('weights come after the blackout, who reports nothing gets the median, and old reports end', () => {
    const w = world();
    const cluster = run(w, clusterYaml([1, 2, 3], POLICY));
    const report = (index: number, weight: number): void =>
      cluster.hosts[index]?.loadReports?.onHeaders([
        'endpoint-load-metrics',
        `TEXT cpu_utilization=1,rps_fractional=${weight}`,
      ]);
    report(0, 300);
    report(1, 100);
    w.clock.advance(1000);
    expect(shares(picks(cluster, 300))).toEqual({ 1: 100, 2: 100, 3: 100 });
    w.clock.advance(2000);
    expect(cluster.hosts.map((host) => host.weight)).toEqual([300, 100, 200]);
    expect(shares(picks(cluster, 600))).toEqual({ 1: 300, 2: 100, 3: 200 });
    w.clock.advance(25_000);
    expect(shares(picks(cluster, 300))).toEqual({ 1: 100, 2: 100, 3: 100 });
  });
});
