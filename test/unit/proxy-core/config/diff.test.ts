import { describe, expect, test } from 'vitest';
import { diffConfigs } from '../../../../proxy-core/config/diff.ts';
import { fingerprint } from '../../../../proxy-core/config/fingerprint.ts';
import { loadMessage } from '../../../../proxy-core/config/load.ts';
import { BASE, changed, load } from './base-config.ts';

const print = (text: string): string =>
  fingerprint(loadMessage(text, 'm.yaml', 'envoy.config.cluster.v3.Cluster').root!);

describe('fingerprint', () => {
  test.each([
    ['order and spelling', 'name: a\nconnect_timeout: 1s\n', 'connectTimeout: 1.0s\nname: "a"\n'],
    ['comments and lists of one', 'name: a # x\nhealth_checks: []\n', 'name: a\nhealth_checks: []\n'],
    ['enum by number', 'name: a\nlb_policy: 1\n', 'name: a\nlb_policy: least_request\n'],
    [
      'maps',
      'metadata: { filter_metadata: { a: { x: 1, y: 2 }, b: {} } }',
      'metadata: { filter_metadata: { b: {}, a: { y: 2, x: 1 } } }',
    ],
  ])('same: %s', (_, a, b) => {
    expect(print(a)).toBe(print(b));
  });

  test.each([
    ['value', 'name: a\n', 'name: b\n'],
    ['presence', 'name: a\n', 'name: a\nconnect_timeout: 5s\n'],
    [
      'order of a list',
      'health_checks: [{ timeout: 1s }, { timeout: 2s }]',
      'health_checks: [{ timeout: 2s }, { timeout: 1s }]',
    ],
    ['text that looks like structure', 'name: "a,b"\nalt_stat_name: c\n', 'name: a\nalt_stat_name: "b,c"\n'],
  ])('different: %s', (_, a, b) => {
    expect(print(a)).not.toBe(print(b));
  });
});

const unchanged = {
  listeners: { added: [], updated: [], removed: [], unchanged: ['main_http_listener'] },
  clusters: { added: [], updated: [], removed: [], unchanged: ['inventory_service'] },
  routes: { added: [], updated: [], removed: [], unchanged: ['inventory_route'] },
};
const one = (kind: 'added' | 'updated' | 'removed', name: string) => ({
  added: [],
  updated: [],
  removed: [],
  unchanged: [],
  [kind]: [name],
});

describe('diff', () => {
  test.each([
    ['nothing', BASE, unchanged],
    ['only comments', `# x\n${BASE}`, unchanged],
    [
      'a route',
      changed('/inventory\n', '/other\n'),
      { ...unchanged, routes: one('updated', 'inventory_route') },
    ],
    ['a port', changed('8080', '8081'), { ...unchanged, listeners: one('updated', 'main_http_listener') }],
    ['a cluster', changed('1s', '2s'), { ...unchanged, clusters: one('updated', 'inventory_service') }],
    [
      'a renamed route configuration',
      changed('name: inventory_route', 'name: r2'),
      { ...unchanged, routes: { added: ['r2'], updated: [], removed: ['inventory_route'], unchanged: [] } },
    ],
  ])('%s', (_, text, expected) => {
    expect(diffConfigs(load(BASE).root, load(text).root)).toEqual(expected);
  });

  test('from nothing and to nothing', () => {
    expect(diffConfigs(null, load(BASE).root).clusters).toEqual(one('added', 'inventory_service'));
    expect(diffConfigs(load(BASE).root, null).listeners).toEqual(one('removed', 'main_http_listener'));
  });

  test('a listener without a name goes by its address', () => {
    const text = changed('- name: main_http_listener\n    address', '- address');
    expect(diffConfigs(null, load(text).root).listeners.added).toEqual(['127.0.0.1:8080']);
  });
});
