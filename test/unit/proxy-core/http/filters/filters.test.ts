import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../../../proxy-core/config/load.ts';
import { compileBootstrap } from '../../../../../proxy-core/core/compile.ts';
import { StatsStore } from '../../../../../proxy-core/observe/stats/store.ts';
import { proxyYaml } from '../data-path-rig.ts';

const TYPE = 'type.googleapis.com/envoy.extensions.filters.http';

/** A connection manager with these filters before the router. */
function yamlWith(filters: string, routes = ROUTE): string {
  const yaml = proxyYaml({ routes }, [1]);
  return yaml.replace('http_filters:\n', `http_filters:\n${filters.replace(/^/gm, '          ')}\n`);
}

const ROUTE = '- { match: { prefix: / }, route: { cluster: origin } }';
const filter = (name: string, message: string, fields = ''): string =>
  `- { name: envoy.filters.http.${name}, typed_config: { "@type": ${TYPE}.${name}.v3.${message}${fields === '' ? '' : `, ${fields}`} } }`;

function diagnosticsOf(yaml: string) {
  const loaded = loadConfig({ file: 'test.yaml', text: yaml });
  const compiled = compileBootstrap(loaded, {
    stats: new StatsStore(),
    logFiles: null,
    serving: false,
  } as never);
  return compiled?.diagnostics ?? [];
}

describe('filters that decide and are not emulated are told', () => {
  test.each([
    ['api_key_auth', 'ApiKeyAuth'],
    ['basic_auth', 'BasicAuth'],
    ['wasm', 'Wasm'],
  ])('%s', (name, message) => {
    const found = diagnosticsOf(yamlWith(filter(name, message))).filter(
      (each) => each.code === 'filter.not-emulated',
    );
    expect(found.map((each) => each.severity)).toEqual(['warning']);
    expect(found[0]?.message).toContain('as if the filter were absent');
  });

  test('rules of RBAC that cannot be evaluated are refused', () => {
    const rule =
      'rules: { policies: { p: { permissions: [{ any: true }], principals: [{ any: true }], condition: { const_expr: { bool_value: true } } } } }';
    const codes = diagnosticsOf(yamlWith(filter('rbac', 'RBAC', rule))).map((each) => each.code);
    expect(codes).toContain('filter.rbac-not-emulated');
  });
});
