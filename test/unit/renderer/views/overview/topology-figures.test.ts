import { expect, test } from 'vitest';
import {
  chainKey,
  severityOf,
  topologyFigures,
} from '../../../../../renderer/views/overview/topology-figures.ts';
import { coreState, ticks } from '../../gallery/story.ts';

const NOW = 1_700_000_000_000;
const STATE = coreState(NOW);
const TICKS = ticks(NOW);
const figures = topologyFigures(STATE, TICKS, (_cluster, address) =>
  address === '127.0.0.1:7101' ? 0.2 : 0,
);

test.each([
  [null, 'fine'],
  [0.0099, 'fine'],
  [0.01, 'warn'],
  [0.05, 'err'],
])('a share of %s is %s', (share, severity) => expect(severityOf(share)).toBe(severity));

test('chains of one listener add up to the listener', () => {
  const whole = figures.listeners.get('tls_listener') ?? 0;
  const shop = figures.chains.get(chainKey('tls_listener', 0)) ?? 0;
  const admin = figures.chains.get(chainKey('tls_listener', 1)) ?? 0;
  expect(whole).toBeGreaterThan(5);
  expect(shop + admin).toBeCloseTo(whole);
  // Nobody shares the route table of sni_admin, so its own rate is known.
  expect(admin).toBeCloseTo(figures.routes.get('admin_routes/admin/0') ?? 0);
});

test('a route with two clusters is divided as the clusters are loaded', () => {
  const to = (cluster: string) =>
    figures.edge({ kind: 'route-cluster', route: 'shop_routes/shop/4', cluster }).rate;
  expect(to('payment_service') + to('payment_canary')).toBeCloseTo(
    figures.routes.get('shop_routes/shop/4') ?? 0,
  );
  expect(to('payment_service')).toBeGreaterThan(5 * to('payment_canary'));
});

test('edges tell never used, out of rotation, and failing', () => {
  expect(
    figures.edge({ kind: 'route-cluster', route: 'shop_routes/shop/3', cluster: 'payment_canary' }).state,
  ).toBe('never');
  expect(
    figures.edge({ kind: 'cluster-host', cluster: 'inventory_service', address: '127.0.0.1:7003' }).state,
  ).toBe('gone');
  expect(
    figures.edge({ kind: 'cluster-host', cluster: 'payment_service', address: '127.0.0.1:7101' }).severity,
  ).toBe('err');
  expect(
    figures.edge({ kind: 'cluster-host', cluster: 'payment_service', address: '127.0.0.1:7102' }).severity,
  ).toBe('fine');
});

test('edges grow with the square root and stop at 15 px', () => {
  expect(figures.width(0)).toBe(1);
  expect(figures.width(16)).toBeCloseTo(2 * figures.width(4));
  expect(figures.width(100_000)).toBe(15);
});
