import { expect, test } from 'vitest';
import { routeGroups, routeTotals } from '../../../../../renderer/views/routes/route-rows.ts';
import { coreState } from '../../gallery/story.ts';

const STATE = coreState(1_700_000_000_000);

function names(text: string, onlyNeverHit = false): string[] {
  return routeGroups(STATE, text, onlyNeverHit).flatMap((group) =>
    group.virtualHosts.flatMap(({ routes }) => routes.map((route) => route.name)),
  );
}

test.each([
  ['reserve', false, ['inventory_reserve']],
  ['ADMIN.SHOP', false, ['admin_users', 'admin_root']],
  ['→ user_service', false, ['users', 'admin_users']],
  ['', true, ['payment_beta', 'inventory_export', 'admin_root']],
  ['payment', true, ['payment_beta']],
  ['nothing such', false, []],
])('"%s", only never hit: %s', (text, never, expected) => expect(names(text, never)).toEqual(expected));

test('a group says who uses its table', () => {
  expect(routeGroups(STATE, '', false)[0]?.users).toEqual([
    'main_http_listener / plain_http',
    'tls_listener / sni_shop',
  ]);
});

test('totals count routes that were hit', () => {
  const { routes, hit } = routeTotals(STATE);
  expect([routes, hit]).toEqual([12, 9]);
});
