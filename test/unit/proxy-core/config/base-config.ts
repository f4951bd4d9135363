import { type LoadedConfig, loadConfig } from '../../../../proxy-core/config/load.ts';

/** A bootstrap that Envoy takes as it stands; the rows of the verdict tables change one place of it. */
export const BASE = `admin:
  address:
    socket_address: { address: 127.0.0.1, port_value: 9901 }
node:
  id: n1
  cluster: c1
static_resources:
  listeners:
  - name: main_http_listener
    address:
      socket_address:
        address: 127.0.0.1
        port_value: 8080
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress_http
          use_remote_address: false
          route_config:
            name: inventory_route
            virtual_hosts:
            - name: main
              domains: ["*"]
              routes:
              - match:
                  prefix: /inventory
                route:
                  cluster: inventory_service
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: inventory_service
    connect_timeout: 1s
    type: STATIC
    lb_policy: ROUND_ROBIN
    load_assignment:
      cluster_name: inventory_service
      endpoints:
      - lb_endpoints:
        - endpoint:
            address:
              socket_address: { address: 127.0.0.1, port_value: 9001 }
`;

/** A listener file as guides show it: lists at the top level, the router by its name only. */
export const SEED = `listeners:
- name: main_http_listener
  address:
    socket_address: { address: 0.0.0.0, port_value: 8080 }
  filter_chains:
  - filters:
    - name: envoy.filters.network.http_connection_manager
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        codec_type: AUTO
        stat_prefix: ingress_http
        route_config:
          name: inventory_route
          virtual_hosts:
          - name: main
            domains: ["*"]
            routes:
            - match: { prefix: "/inventory" }
              route: { cluster: inventory_service }
        http_filters:
        - name: envoy.filters.http.router
`;

/** The base with one text replaced; the text must be there. */
export function changed(find: string, replacement: string): string {
  if (!BASE.includes(find)) throw new Error(`not in the base: ${find}`);
  return BASE.replace(find, () => replacement);
}

export function load(text: string, file = 'test.yaml'): LoadedConfig {
  return loadConfig({ file, text });
}

/** `error 12:5 config.unknown-field`, sorted as they come. */
export function summary(loaded: { diagnostics: LoadedConfig['diagnostics'] }): string[] {
  return loaded.diagnostics.map((one) => `${one.severity} ${one.range.line}:${one.range.column} ${one.code}`);
}

export function errors(loaded: { diagnostics: LoadedConfig['diagnostics'] }): string[] {
  return summary(loaded)
    .filter((line) => line.startsWith('error '))
    .map((line) => line.slice(6));
}
