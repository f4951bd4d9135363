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

const WITH_MATCHER = 'type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher';

/** A filter below a matcher, which Envoy skips for the requests that the matcher names. */
function matched(name: string, message: string, fields = ''): string {
  const type = `type.googleapis.com/envoy.extensions.filters.http.${name}.v3.${message}`;
  const inner = `{ name: inner, typed_config: { "@type": ${type}${fields} } }`;
  return `- { name: outer, typed_config: { "@type": ${WITH_MATCHER}, extension_config: ${inner} } }`;
}

describe('filters that are not emulated', () => {
  test.each([
    ['wasm, which may do anything', filter('wasm', 'Wasm'), ['warning filter.not-emulated']],
    ['cdn_loop', filter('cdn_loop', 'CdnLoopConfig', 'cdn_id: a'), ['notice config.not-emulated']],
    [
      'api_key_auth decides who gets in',
      filter('api_key_auth', 'ApiKeyAuth'),
      ['error filter.decides-access'],
    ],
    ['… and is switched off', filter('composite', 'Composite').replace('{ ', '{ disabled: true, '), []],
    [
      'rules of jwt_authn by filter state',
      filter('jwt_authn', 'JwtAuthentication', 'filter_state_rules: { name: who }'),
      ['error filter.decides-access'],
    ],
    ['fault with a matcher', matched('fault', 'HTTPFault'), ['warning filter.not-emulated']],
    ['RBAC with a matcher', matched('rbac', 'RBAC'), ['error filter.decides-access']],
  ])('%s', (_, yaml, expected) => {
    const found = diagnosticsOf(yamlWith(yaml)).filter((each) => each.code !== 'config.deprecated');
    const told = found.map((each) => `${each.severity} ${each.code}`);
    for (const each of expected) expect(told).toContain(each);
    if (!expected.some((each) => each.startsWith('error'))) {
      expect(told.filter((each) => each.startsWith('error'))).toEqual([]);
    }
  });

  test('rules of RBAC that cannot be evaluated are refused', () => {
    const rule =
      'rules: { policies: { p: { permissions: [{ any: true }], principals: [{ any: true }], condition: { const_expr: { bool_value: true } } } } }';
    const codes = diagnosticsOf(yamlWith(filter('rbac', 'RBAC', rule))).map((each) => each.code);
    expect(codes).toContain('filter.rbac-not-emulated');
  });
});
