import { describe, expect, it } from 'vitest';
import { loadMessage } from '../../../../../proxy-core/config/load.ts';
import { SourceText } from '../../../../../proxy-core/config/text/source-text.ts';
import { applyFixes } from '../../../../../proxy-core/config/text-edit.ts';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';
const ROUTE = 'envoy.config.route.v3.Route';
const VALIDATION = 'envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext';

/** The text after every edit that its diagnostics propose, round by round. */
function upgraded(type: string, text: string): string {
  let current = text;
  for (let round = 0; round < 5; round++) {
    const { diagnostics } = loadMessage(current, 'a.yaml', type);
    const fixes = diagnostics.flatMap(({ fix }) => fix ?? []);
    if (fixes.length === 0) break;
    current = applyFixes(new SourceText('a.yaml', current), fixes);
  }
  return current;
}

function errors(type: string, text: string): readonly string[] {
  return loadMessage(text, 'a.yaml', type)
    .diagnostics.filter(({ severity }) => severity === 'error')
    .map(({ message }) => message);
}

describe('versionTwoEdit', () => {
  it.each([
    [
      'hosts of a cluster',
      CLUSTER,
      `name: c # ours
type: STATIC
hosts:
- socket_address: { address: 127.0.0.1, port_value: 80 }
- socket_address: { address: 127.0.0.2, port_value: 80 }
# after
lb_policy: RANDOM
`,
      `name: c # ours
type: STATIC
load_assignment:
  cluster_name: c
  endpoints:
    - lb_endpoints:
        - endpoint:
            address:
              socket_address:
                address: 127.0.0.1
                port_value: 80
        - endpoint:
            address:
              socket_address:
                address: 127.0.0.2
                port_value: 80
# after
lb_policy: RANDOM
`,
    ],
    [
      'the same in flow style',
      CLUSTER,
      '{ name: c, hosts: [{ socket_address: { address: 127.0.0.1, port_value: 80 } }], type: STATIC }\n',
      '{ name: c, load_assignment: {"cluster_name":"c","endpoints":[{"lb_endpoints":[{"endpoint":{"address":{"socket_address":{"address":"127.0.0.1","port_value":80}}}}]}]}, type: STATIC }\n',
    ],
    [
      'tls_context of a cluster',
      CLUSTER,
      'name: c\ntls_context: { sni: shop.test }\n',
      `name: c
transport_socket:
  name: envoy.transport_sockets.tls
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
    sni: shop.test
`,
    ],
    [
      'host_rewrite and regex',
      ROUTE,
      'match:\n  regex: /a.*\nroute:\n  cluster: c\n  host_rewrite: shop.test\n',
      'match:\n  safe_regex:\n    regex: /a.*\nroute:\n  cluster: c\n  host_rewrite_literal: shop.test\n',
    ],
    [
      'header matchers',
      ROUTE,
      'match: { prefix: /, headers: [{ name: a, value: b }, { name: c, value: d.*, regex: true }, { name: e, regex_match: f }] }\nroute: { cluster: c }\n',
      'match: { prefix: /, headers: [{ name: a, string_match: {"exact":"b"} }, { name: c, string_match: {"safe_regex":{"regex":"d.*"}} }, { name: e, string_match: {"safe_regex":{"regex":"f"}} }] }\nroute: { cluster: c }\n',
    ],
    [
      'a mirror policy',
      ROUTE,
      'match: { prefix: / }\nroute: { cluster: c, request_mirror_policy: { cluster: d } }\n',
      'match: { prefix: / }\nroute: { cluster: c, request_mirror_policies: [{"cluster":"d"}] }\n',
    ],
    [
      'names of peers',
      VALIDATION,
      'verify_subject_alt_name: [shop.test, "spiffe://a/b"]\n',
      `match_typed_subject_alt_names:
  - san_type: DNS
    matcher:
      exact: shop.test
  - san_type: URI
    matcher:
      exact: spiffe://a/b
`,
    ],
    [
      'config of a filter',
      'envoy.config.listener.v3.Filter',
      'name: envoy.tcp_proxy\nconfig:\n  stat_prefix: s # kept\n  cluster: c\n',
      `name: envoy.tcp_proxy
typed_config:
  "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
  stat_prefix: s # kept
  cluster: c
`,
    ],
    [
      'config in JSON style',
      'envoy.config.listener.v3.Filter',
      '{"name": "envoy.echo", "config": {}}\n',
      '{"name": "envoy.echo", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo"}}\n',
    ],
  ])('%s', (_what, type, before, after) => {
    expect(errors(type, before)).not.toEqual([]);
    expect(upgraded(type, before)).toBe(after);
    expect(errors(type, after)).toEqual([]);
  });

  it('proposes nothing where the v3 field stands already', () => {
    const text = 'name: c\nhosts: []\nload_assignment: { cluster_name: c }\n';
    expect(upgraded(CLUSTER, text)).toBe(text);
  });

  it('makes a whole v2 type of a listener readable', () => {
    const text = `name: envoy.http_connection_manager
typed_config:
  "@type": type.googleapis.com/envoy.config.filter.network.http_connection_manager.v2.HttpConnectionManager
  stat_prefix: s
  route_config:
    virtual_hosts:
    - name: v
      domains: ["*"]
      cors: { allow_origin: ["*"], enabled: true }
      routes:
      - match: { regex: "/a.*" }
        route: { cluster: c, host_rewrite: x }
  http_filters:
  - name: envoy.router
    config: {}
`;
    const type = 'envoy.config.listener.v3.Filter';
    expect(errors(type, upgraded(type, text))).toEqual([]);
  });
});
