import { describe, expect, test } from 'vitest';
import { type CustomTag, extractTags } from '../../../../../proxy-core/observe/stats/tag-extraction.ts';

function short(name: string, custom: readonly CustomTag[] = []): [string, string] {
  const { name: rest, tags } = extractTags(name, custom);
  return [rest, tags.map((tag) => `${tag.name.replace('envoy.', '')}=${tag.value}`).join(' ')];
}

describe('default tags', () => {
  test.each([
    ['cluster.svc.upstream_rq_200', 'cluster.upstream_rq', 'response_code=200 cluster_name=svc'],
    ['cluster.svc.upstream_rq_5xx', 'cluster.upstream_rq_xx', 'response_code_class=5 cluster_name=svc'],
    ['cluster.svc.upstream_rq_time', 'cluster.upstream_rq_time', 'cluster_name=svc'],
    ['cluster.a.b.upstream_cx_total', 'cluster.b.upstream_cx_total', 'cluster_name=a'],
    ['cluster.cluster.upstream_cx_total', 'cluster.upstream_cx_total', 'cluster_name=cluster'],
    ['cluster_manager.cluster_added', 'cluster_manager.cluster_added', ''],
    [
      'http.ingress.downstream_rq_2xx',
      'http.downstream_rq_xx',
      'response_code_class=2 http_conn_manager_prefix=ingress',
    ],
    ['http.my.prefix.no_route', 'http.prefix.no_route', 'http_conn_manager_prefix=my'],
    [
      'listener.0.0.0.0_8080.downstream_cx_total',
      'listener.downstream_cx_total',
      'listener_address=0.0.0.0_8080',
    ],
    [
      'listener.[__1]_10002.downstream_cx_total',
      'listener.downstream_cx_total',
      'listener_address=[__1]_10002',
    ],
    ['listener.admin.downstream_cx_total', 'listener.admin.downstream_cx_total', ''],
    [
      'listener.0.0.0.0_8080.http.ingress.downstream_rq_5xx',
      'listener.http.downstream_rq_xx',
      'response_code_class=5 http_conn_manager_prefix=ingress listener_address=0.0.0.0_8080',
    ],
    [
      'listener.admin.http.admin.downstream_rq_2xx',
      'listener.admin.http.downstream_rq_xx',
      'response_code_class=2 http_conn_manager_prefix=admin',
    ],
    [
      'listener.0.0.0.0_8443.ssl.ciphers.TLS_AES_256_GCM_SHA384',
      'listener.ssl.ciphers',
      'ssl_cipher=TLS_AES_256_GCM_SHA384 listener_address=0.0.0.0_8443',
    ],
    [
      'vhost.shop.vcluster.other.upstream_rq_total',
      'vhost.vcluster.upstream_rq_total',
      'virtual_cluster=other virtual_host=shop',
    ],
    [
      'http.i.rds.routes.update_success',
      'http.rds.update_success',
      'http_conn_manager_prefix=i rds_route_config=routes',
    ],
    ['tcp.mysql.downstream_cx_total', 'tcp.downstream_cx_total', 'tcp_prefix=mysql'],
    ['server.live', 'server.live', ''],
  ])('%s', (name, rest, tags) => {
    expect(short(name)).toEqual([rest, tags]);
  });

  test('the worker is a number', () => {
    const { tags } = extractTags('listener.0.0.0.0_8080.worker_0.downstream_cx_total');
    expect(tags).toEqual([
      { name: 'envoy.worker_id', value: '0' },
      { name: 'envoy.listener_address', value: '0.0.0.0_8080' },
    ]);
  });
});

test('own tags bound to a first segment stand behind those of that segment', () => {
  const custom: CustomTag[] = [
    { name: 'stage', fixedValue: 'dev', match: () => null },
    { name: 'kind', fixedValue: null, prefix: 'cluster', match: () => ({ remove: '', value: 'svc' }) },
    { name: 'other', fixedValue: null, prefix: 'http', match: () => ({ remove: '', value: 'no' }) },
  ];
  expect(short('cluster.svc.upstream_rq_total', custom)[1]).toBe('stage=dev cluster_name=svc kind=svc');
});

test('fixed and own tags stand between those found anywhere and those of the first segment', () => {
  const custom: CustomTag[] = [
    { name: 'stage', fixedValue: 'dev', match: () => null },
    {
      name: 'word',
      fixedValue: null,
      match: (name) => (name.includes('upstream_') ? { remove: 'upstream_', value: 'upstream' } : null),
    },
  ];
  expect(short('cluster.svc.upstream_rq_503', custom)).toEqual([
    'cluster.rq',
    'response_code=503 stage=dev word=upstream cluster_name=svc',
  ]);
});
