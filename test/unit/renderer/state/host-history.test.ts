import { expect, test } from 'vitest';
import type { ClusterState } from '../../../../proxy-core/index.ts';
import { HostHistory } from '../../../../renderer/state/host-history.ts';

function counters(total: number, errors: number): ClusterState[] {
  const host = { address: '127.0.0.1:1', totalRequests: total, errorRequests: errors };
  return [{ name: 'shop', hosts: [host] } as unknown as ClusterState];
}

test('counts what ended in the last minute', () => {
  const history = new HostHistory();
  for (let second = 0; second <= 120; second++) {
    history.observe(second * 1000, counters(second * 10, second < 60 ? 0 : second - 60));
  }
  expect(history.window('shop', '127.0.0.1:1', { total: 1200, errors: 60 })).toEqual({
    requests: 600,
    errors: 60,
  });
});

test('a host whose counters begin again begins again', () => {
  const history = new HostHistory();
  history.observe(0, counters(500, 20));
  history.observe(1000, counters(3, 1));
  expect(history.window('shop', '127.0.0.1:1', { total: 5, errors: 1 })).toEqual({ requests: 2, errors: 0 });
});

test('an unknown host has nothing to tell', () => {
  expect(new HostHistory().window('shop', 'x', { total: 5, errors: 1 })).toEqual({ requests: 0, errors: 0 });
});
