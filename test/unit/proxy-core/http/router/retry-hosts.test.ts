import { describe, expect, test } from 'vitest';
import { PreviousPriorities } from '../../../../../proxy-core/http/router/previous-priorities.ts';
import { refusesHost } from '../../../../../proxy-core/http/router/retry-hosts.ts';
import { malformedHeader } from '../../../../../proxy-core/http/router/strict-check.ts';
import type { HostPredicate } from '../../../../../proxy-core/route/retry-policy.ts';
import { computePriorityLoad, loadWithout } from '../../../../../proxy-core/upstream/priority-load.ts';
import type { Host } from '../../../../../proxy-core/upstream/types.ts';
import { head } from '../../route/support.ts';

const host = (lb: Record<string, unknown> | null, address = '127.0.0.1:1'): Host =>
  ({ address, metadata: new Map(lb === null ? [] : [['envoy.lb', lb]]) }) as unknown as Host;
const attempts = [{ hostAddress: '127.0.0.1:9' }] as never;
const metadata = (criteria: Record<string, unknown>): HostPredicate => ({
  kind: 'omit-host-metadata',
  criteria: Object.entries(criteria).map(([key, value]) => ({ key, value: JSON.stringify(value) })),
});

test.each<[string, HostPredicate, Host, boolean]>([
  ['a host that was tried', { kind: 'previous-hosts' }, host(null, '127.0.0.1:9'), true],
  ['a host that was not', { kind: 'previous-hosts' }, host(null), false],
  ['a canary', { kind: 'omit-canary-hosts' }, host({ canary: true }), true],
  ['no canary', { kind: 'omit-canary-hosts' }, host({ canary: false }), false],
  ['all keys the same', metadata({ stage: 'x' }), host({ stage: 'x', more: 1 }), true],
  ['one key differs', metadata({ stage: 'x', v: 1 }), host({ stage: 'x', v: 2 }), false],
  ['an item of a list', metadata({ stage: 'x' }), host({ stage: ['y', 'x'] }), true],
  ['no metadata', metadata({ stage: 'x' }), host(null), false],
  ['nothing asked for', metadata({}), host({ stage: 'x' }), false],
])('%s', (_name, predicate, candidate, refused) => {
  expect(refusesHost([predicate], candidate, attempts)).toBe(refused);
});

describe('priorities that were tried', () => {
  const load = computePriorityLoad(
    [2, 2, 2].map((hosts) => ({ hosts, healthy: hosts, degraded: 0, excluded: 0 })),
    140,
    50,
  );

  test.each<[number, number[], number[]]>([
    [1, [0], [0, 100, 0]],
    [1, [0, 1], [0, 0, 100]],
    [2, [0], [100, 0, 0]],
    [2, [0, 0], [0, 100, 0]],
  ])('every %i tries, after %j', (frequency, tried, expected) => {
    const priorities = new PreviousPriorities(frequency);
    for (const each of tried) priorities.onTry(each);
    expect(loadWithout(load, priorities.excluded)?.healthyLoad).toEqual(expected);
  });

  test('when none is left they all count again', () => {
    const priorities = new PreviousPriorities(1);
    for (const each of [0, 1, 2]) priorities.onTry(each);
    expect(loadWithout(load, priorities.excluded)).toBeNull();
    priorities.reset();
    expect(loadWithout(load, priorities.excluded)?.healthyLoad).toEqual([100, 0, 0]);
  });
});

test.each<[string, string, boolean]>([
  ['x-envoy-upstream-rq-timeout-ms', '10', true],
  ['x-envoy-upstream-rq-timeout-ms', '10x', false],
  ['x-envoy-max-retries', '', false],
  ['x-envoy-retry-on', '5xx, reset', true],
  ['x-envoy-retry-on', '5xx,nonsense', false],
  ['x-envoy-retry-grpc-on', 'unavailable', true],
  ['x-envoy-retry-grpc-on', '5xx', false],
])('strict check of %s: %s', (name, value, fine) => {
  const found = malformedHeader([name], head('/', [name, value]));
  expect(found).toEqual(fine ? null : { name, value });
});
