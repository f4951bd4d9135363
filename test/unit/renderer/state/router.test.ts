import { describe, expect, test } from 'vitest';
import {
  clusterHref,
  filterValue,
  formatRoute,
  parseRoute,
  requestHref,
  trafficHref,
} from '../../../../renderer/state/router.ts';

describe('parseRoute', () => {
  test.each([
    ['', { screen: 'overview', rest: [], query: {} }],
    ['#/overview?sel=a', { screen: 'overview', rest: [], query: { sel: 'a' } }],
    ['#/clusters/a%2Fb%20c', { screen: 'clusters', rest: ['a/b c'], query: {} }],
    ['#/clusters/100%', { screen: 'clusters', rest: ['100%'], query: {} }],
    [
      '#/traffic?q=status%3A5xx+by%3Aproxy',
      { screen: 'traffic', rest: [], query: { q: 'status:5xx by:proxy' } },
    ],
    ['#/nowhere/x', { screen: 'overview', rest: ['x'], query: {} }],
  ])('%s', (hash, route) => expect(parseRoute(hash)).toEqual(route));
});

test.each(['a', 'a b', 'ünï/cödé?&#%', '*'])('a cluster called %s comes back from its address', (name) => {
  expect(parseRoute(clusterHref(name))).toEqual({ screen: 'clusters', rest: [name], query: {} });
});

test.each(['path~"/a?b=c&d"', 'a:"x y" or -b:1'])('the filter %s comes back from its address', (filter) => {
  expect(parseRoute(trafficHref(filter)).query).toEqual({ q: filter });
});

test('a request opens with its decision', () => {
  expect(parseRoute(requestHref(40_243, 'status:5xx')).query).toEqual({
    q: 'status:5xx',
    sel: '40243',
    tab: 'decision',
  });
});

test('parameters are left out when there are none', () => {
  expect(formatRoute({ screen: 'config', rest: [], query: {} })).toBe('#/config');
});

test.each([
  ['inventory_service', 'inventory_service'],
  ['127.0.0.1:7003', '127.0.0.1:7003'],
  ['two words', '"two words"'],
  ['say "hi"', '"say \\"hi\\""'],
])('%s in the filter language is %s', (value, text) => expect(filterValue(value)).toBe(text));
