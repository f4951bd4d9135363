import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../../proxy-core/config/load.ts';
import { MessageReader } from '../../../../proxy-core/config/reader.ts';
import { applyFixes } from '../../../../proxy-core/config/text-edit.ts';
import { errors, SEED, summary } from './base-config.ts';

describe('a file with listeners at the top level', () => {
  test('is read as static_resources, with notices only', () => {
    const loaded = loadConfig({ file: 'seed.yaml', text: SEED });
    expect(loaded.isFragment).toBe(true);
    expect(summary(loaded)).toEqual([
      'notice 21:17 config.name-only-extension',
      'notice 1:1 config.fragment',
    ]);
    const [listener] =
      new MessageReader(loaded.root!).message('static_resources')?.messages('listeners') ?? [];
    expect(listener?.string('name')).toBe('main_http_listener');
    expect(listener?.path).toBe('listeners[0]');
  });

  test('the fixes make a whole bootstrap of it', () => {
    const loaded = loadConfig({ file: 'seed.yaml', text: SEED });
    const [router, wrap] = loaded.diagnostics.map((one) => one.fix!);
    const once = applyFixes(loaded.source, [router!]);
    expect(once.slice(SEED.length - 1)).toBe(
      '\n          typed_config:\n            "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\n',
    );
    const whole = loadConfig({ file: 'seed.yaml', text: applyFixes(loaded.source, [wrap!]) });
    expect(whole.isFragment).toBe(false);
    expect(summary(whole)).toEqual(['notice 22:19 config.name-only-extension']);
  });

  test.each([
    [
      'other keys stay, comments go with the key below',
      '# top\nadmin: {}\n# about clusters\nclusters:\n- name: a\n\nnode: {}\n# l\nlisteners: []\n',
      '# top\nadmin: {}\nstatic_resources:\n  # about clusters\n  clusters:\n  - name: a\n\n  # l\n  listeners: []\nnode: {}\n',
    ],
    ['braces', '{"listeners": [], "admin": {}}', '{"admin": {}, "static_resources": {"listeners": []}}'],
    ['no line break at the end', 'clusters:\n- name: a', 'static_resources:\n  clusters:\n  - name: a'],
    [
      'block text keeps its meaning',
      'secrets:\n- name: |\n    a\n     b\n',
      'static_resources:\n  secrets:\n  - name: |\n      a\n       b\n',
    ],
  ])('wrapping: %s', (_, text, expected) => {
    const { diagnostics } = loadConfig({ file: 'a.yaml', text });
    expect(diagnostics.find((one) => one.code === 'config.fragment')?.fix?.text).toBe(expected);
  });

  test('beside static_resources it is an unknown field', () => {
    const loaded = loadConfig({ file: 'a.yaml', text: 'static_resources: {}\nlisteners: []\n' });
    expect(loaded.isFragment).toBe(false);
    expect(errors(loaded)).toEqual(['2:1 config.unknown-field']);
    expect(loaded.diagnostics[0]?.suggestion).toBe('static_resources.listeners');
  });
});

describe('extensions with a well-known name only', () => {
  const hcm = (filter: string): string => SEED.replace('- name: envoy.filters.http.router', `- ${filter}`);

  test.each([
    [
      'block',
      'name: envoy.filters.http.router # last',
      '- name: envoy.filters.http.router # last\n          typed_config:\n            "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\n',
    ],
    [
      'braces',
      '{ name: envoy.router }',
      '- { name: envoy.router, "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } }\n',
    ],
    [
      'empty typed_config',
      'name: envoy.filters.http.cors\n          typed_config: {}',
      '- name: envoy.filters.http.cors\n          typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors" }\n',
    ],
  ])('%s: the fix adds the type', (_, filter, expected) => {
    const loaded = loadConfig({ file: 'a.yaml', text: hcm(filter) });
    const fix = loaded.diagnostics.find((one) => one.code === 'config.name-only-extension')?.fix;
    const text = applyFixes(loaded.source, [fix!]);
    expect(text.slice(text.indexOf('        - ') + 8)).toContain(expected);
    expect(loadConfig({ file: 'a.yaml', text }).diagnostics.map((one) => one.code)).toEqual([
      'config.fragment',
    ]);
  });

  test('a filter that cannot do without settings says what is missing', () => {
    const loaded = loadConfig({ file: 'a.yaml', text: hcm('name: envoy.filters.http.buffer') });
    expect(errors(loaded)).toEqual(['21:17 config.required']);
  });
});

describe('clusters from the command line', () => {
  const give = (text: string, clusters: Record<string, string[]>) =>
    loadConfig({ file: 'seed.yaml', text, givenClusters: new Map(Object.entries(clusters)) });

  test.each([
    ['addresses', ['127.0.0.1:9001', '[::1]:9002'], 'STATIC'],
    ['a host name', ['127.0.0.1:9001', 'localhost:9002'], 'STRICT_DNS'],
  ])('%s', (_, hosts, type) => {
    const loaded = give(SEED, { inventory_service: hosts });
    expect([...loaded.givenClusters]).toEqual(['inventory_service']);
    expect(errors(loaded)).toEqual([]);
    const notice = loaded.diagnostics.find((one) => one.code === 'config.given-cluster')?.message ?? '';
    expect(notice).toContain('consecutive_5xx 5 and max_ejection_percent 50');
    const [cluster] = new MessageReader(loaded.root!).message('static_resources')?.messages('clusters') ?? [];
    expect(cluster?.enumeration('type')).toBe(type);
    const outlier = cluster?.message('outlier_detection');
    expect([outlier?.number('consecutive_5xx'), outlier?.number('max_ejection_percent')]).toEqual([5, 50]);
    const [locality] = cluster?.message('load_assignment')?.messages('endpoints') ?? [];
    const ports = locality
      ?.messages('lb_endpoints')
      .map((one) =>
        one.message('endpoint')?.message('address')?.message('socket_address')?.number('port_value'),
      );
    expect(ports).toEqual([9001, 9002]);
  });

  test('a cluster that the file defines stays', () => {
    const loaded = give('clusters: [{ name: a }]\n', { a: ['127.0.0.1:1'] });
    expect(loaded.givenClusters.size).toBe(0);
    expect(loaded.diagnostics.map((one) => one.code)).toContain('config.given-cluster-defined');
  });

  test.each([['nope'], ['a:99999'], [':80'], ['::1:80']])('“%s” is not an address', (address) => {
    expect(errors(give(SEED, { a: [address] }))).toEqual(['1:1 config.given-cluster-address']);
  });
});
