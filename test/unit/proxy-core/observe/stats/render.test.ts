import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../../../proxy-core/base/virtual-clock.ts';
import { renderPrometheus } from '../../../../../proxy-core/observe/stats/prometheus.ts';
import {
  EVERYTHING,
  parseStatsQuery,
  type StatsQuery,
} from '../../../../../proxy-core/observe/stats/query.ts';
import { renderStatsJson, renderStatsText } from '../../../../../proxy-core/observe/stats/render.ts';
import { StatsStore } from '../../../../../proxy-core/observe/stats/store.ts';

function sample(): StatsStore {
  const store = new StatsStore();
  store.counter('cluster.svc.upstream_rq_200').add(3);
  store.counter('cluster.svc.upstream_rq_5xx');
  store.gauge('cluster.svc.membership_healthy').set(0);
  store.gauge('server.live');
  store.text('control_plane.identifier', 'x');
  store.histogram('cluster.svc.upstream_rq_time').record(1);
  store.histogram('http.in.downstream_rq_time');
  store.flush();
  return store;
}

function query(text: string): StatsQuery {
  const parsed = parseStatsQuery(new Map(new URLSearchParams(text)));
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.query;
}

describe('/stats as text', () => {
  test('counters, gauges and texts by name, then histograms by name', () => {
    expect(renderStatsText(sample(), EVERYTHING)).toBe(
      [
        'cluster.svc.membership_healthy: 0',
        'cluster.svc.upstream_rq_200: 3',
        'cluster.svc.upstream_rq_5xx: 0',
        'control_plane.identifier: "x"',
        'server.live: 0',
        'cluster.svc.upstream_rq_time: P0(1,1) P25(1.025,1.025) P50(1.05,1.05) P75(1.075,1.075) P90(1.09,1.09) P95(1.095,1.095) P99(1.099,1.099) P99.5(1.0995,1.0995) P99.9(1.0999,1.0999) P100(1.1,1.1)',
        'http.in.downstream_rq_time: No recorded values',
        '',
      ].join('\n'),
    );
  });

  test.each([
    [
      'usedonly',
      [
        'cluster.svc.membership_healthy',
        'cluster.svc.upstream_rq_200',
        'control_plane.identifier',
        'cluster.svc.upstream_rq_time',
      ],
    ],
    ['type=Gauges', ['cluster.svc.membership_healthy', 'server.live']],
    ['type=TextReadouts', ['control_plane.identifier']],
    ['filter=rq_[25]', ['cluster.svc.upstream_rq_200', 'cluster.svc.upstream_rq_5xx']],
    ['filter=^server&type=Counters', []],
  ])('?%s', (text, names) => {
    const lines = renderStatsText(sample(), query(text))
      .split('\n')
      .filter((line) => line !== '');
    expect(lines.map((line) => line.slice(0, line.indexOf(': ')))).toEqual(names);
  });

  test('an empty interval prints nan beside what was recorded before', () => {
    const store = sample();
    store.flush();
    expect(renderStatsText(store, query('filter=upstream_rq_time'))).toMatch(
      /: P0\(nan,1\) P25\(nan,1\.025\)/,
    );
  });

  test.each([
    [
      'cumulative',
      / B0\.5\(0,0\) B1\(0,0\) B5\(1,1\) B10\(1,1\).* B300000\(1,1\) B600000\(1,1\) B1\.8e\+06\(1,1\) B3\.6e\+06\(1,1\)$/,
    ],
    ['disjoint', / B0\.5\(0,0\) B1\(0,0\) B5\(1,1\) B10\(0,0\)/],
  ])('?histogram_buckets=%s', (mode, expected) => {
    const text = renderStatsText(sample(), query(`histogram_buckets=${mode}&filter=upstream_rq_time`));
    expect(text.trimEnd()).toMatch(expected);
  });

  test('?histogram_buckets=detailed', () => {
    const text = renderStatsText(sample(), query('histogram_buckets=detailed&filter=upstream_rq_time'));
    expect(text).toMatch(
      /^cluster\.svc\.upstream_rq_time:\n {2}totals=1,0\.1:1\n {2}intervals=1,0\.1:1\n {2}summary=P0\(1,1\)/,
    );
  });
});

describe('/stats?format=json', () => {
  test('one object with the histograms last', () => {
    const { stats } = JSON.parse(renderStatsJson(sample(), EVERYTHING));
    expect(stats[1]).toEqual({ name: 'cluster.svc.upstream_rq_200', value: 3 });
    const { histograms } = stats[stats.length - 1];
    expect(histograms.supported_percentiles).toEqual([0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100]);
    expect(histograms.computed_quantiles[0].values[0]).toEqual({ cumulative: 1, interval: 1 });
    expect(histograms.computed_quantiles[1].values[0]).toEqual({ cumulative: null, interval: null });
  });

  test('nothing selected is an empty list', () => {
    expect(renderStatsJson(sample(), query('filter=nothing'))).toBe('{"stats":[]}');
  });
});

test.each([
  ['format=xml', 'usage: /stats?format=(html|active-html|json|prometheus|text)\n\n'],
  ['filter=(', 'Invalid re2 regex'],
  ['type=x', 'invalid &type= param'],
  ['histogram_buckets=x', 'usage: /stats?histogram_buckets=(cumulative|disjoint|detailed|summary)\n'],
])('?%s is refused in Envoy’s words', (text, message) => {
  expect(parseStatsQuery(new Map(new URLSearchParams(text)))).toEqual({ ok: false, status: 400, message });
});

describe('/stats/prometheus', () => {
  test('families with their type, labels and values', () => {
    const lines = renderPrometheus(sample(), EVERYTHING).trimEnd().split('\n');
    expect(lines.slice(0, 9)).toEqual([
      '# TYPE envoy_cluster_upstream_rq counter',
      'envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="svc"} 3',
      '# TYPE envoy_cluster_upstream_rq_xx counter',
      'envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="svc"} 0',
      '# TYPE envoy_cluster_membership_healthy gauge',
      'envoy_cluster_membership_healthy{envoy_cluster_name="svc"} 0',
      '# TYPE envoy_server_live gauge',
      'envoy_server_live{} 0',
      '# TYPE envoy_cluster_upstream_rq_time histogram',
    ]);
    expect(lines).toContain('envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="svc",le="5"} 1');
    expect(lines).toContain('envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="svc",le="3600000"} 1');
    expect(lines).toContain('envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="svc",le="+Inf"} 1');
    expect(lines).toContain(
      'envoy_cluster_upstream_rq_time_sum{envoy_cluster_name="svc"} 1.0500000000000000444089209850063',
    );
    expect(lines).toContain('envoy_cluster_upstream_rq_time_count{envoy_cluster_name="svc"} 1');
  });

  test('text readouts only when asked for', () => {
    expect(renderPrometheus(sample(), EVERYTHING)).not.toContain('control_plane');
    expect(renderPrometheus(sample(), query('text_readouts'))).toContain(
      'envoy_control_plane_identifier{text_value="x"} 0',
    );
  });

  test('families come in the order of Envoy’s names, segment by segment', () => {
    const store = new StatsStore();
    for (const name of ['cluster_manager.added', 'cluster.a.z', 'http1.x', 'http.a.b']) store.counter(name);
    const families = renderPrometheus(store, EVERYTHING).match(/# TYPE \S+/g);
    expect(families).toEqual([
      '# TYPE envoy_cluster_z',
      '# TYPE envoy_cluster_manager_added',
      '# TYPE envoy_http_b',
      '# TYPE envoy_http1_x',
    ]);
  });

  test('label values are escaped', () => {
    const store = new StatsStore();
    store.counter('cluster.a"\\.x');
    expect(renderPrometheus(store, EVERYTHING)).toContain('envoy_cluster_name="a\\"\\\\"');
  });
});

describe('the store', () => {
  test('the same name gives the same object', () => {
    const store = new StatsStore();
    expect(store.counter('a')).toBe(store.counter('a'));
    expect(store.histogram('h')).toBe(store.histogram('h'));
  });

  test('resetting zeroes counters only and keeps them used', () => {
    const store = sample();
    store.gauge('g').set(4);
    store.resetCounters();
    const text = renderStatsText(store, query('usedonly'));
    expect(text).toContain('cluster.svc.upstream_rq_200: 0\n');
    expect(text).toContain('g: 4\n');
    expect(text).not.toContain('upstream_rq_5xx');
  });

  test('flushes every five seconds and refreshes first', () => {
    const clock = new VirtualClock();
    const store = new StatsStore();
    store.onFlush(() => store.gauge('server.uptime').set(clock.now() / 1000));
    store.start(clock);
    store.histogram('h').record(2);
    clock.advance(4999);
    expect(store.histogram('h').used).toBe(false);
    clock.advance(2);
    expect(store.histogram('h').used).toBe(true);
    expect(store.gauge('server.uptime').value).toBeGreaterThan(0);
    store.stop();
  });
});
