import { afterEach, describe, expect, test } from 'vitest';
import { RequestHistory } from '../../../../../proxy-core/http/filters/envoy.filters.http.admission_control.ts';
import { exchange, Origin, ProxyRig, request, status } from '../data-path-rig.ts';
import { filter, filterYaml } from './filter-rig.ts';

const close: (() => void)[] = [];
afterEach(() => {
  for (const each of close.splice(0)) each();
});

async function rig(answer: string, more = '') {
  const origin = new Origin((_head, socket) => socket.write(answer));
  await origin.listen();
  const config = filter('admission_control', 'AdmissionControl', `success_criteria: {}${more}`);
  const proxy = await ProxyRig.fromYaml(filterYaml({ filters: [config], ports: [origin.port] }));
  close.push(
    () => proxy.close(),
    () => origin.close(),
  );
  return { origin, proxy };
}

describe('requests of the last seconds', () => {
  test('old ones are forgotten second by second', () => {
    const history = new RequestHistory(3000);
    for (const [at, success] of [
      [0, true],
      [500, false],
      [1500, true],
    ] as const) {
      history.record(success, at);
    }
    expect([history.requests, history.successes]).toEqual([3, 2]);
    history.record(true, 3100);
    expect([history.requests, history.successes]).toEqual([2, 2]);
    history.purge(10_000);
    expect([history.requests, history.successes, history.averageRps(10_000)]).toEqual([0, 0, 0]);
  });

  test('requests per second are an average over the window', () => {
    const history = new RequestHistory(2000);
    for (let i = 0; i < 9; i++) history.record(true, 100);
    expect(history.averageRps(200)).toBe(4);
  });
});

describe('admission control', () => {
  test('failures make requests be refused, and what is refused is not counted', async () => {
    const { origin, proxy } = await rig('HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n');
    const statuses: number[] = [];
    // At 80 % the chance that none of 60 is refused is below 10^-40.
    for (let i = 0; i < 60; i++) statuses.push(status(await exchange(proxy.port, request('/'))));
    const refused = statuses.filter((each) => each === 503).length;
    expect(refused).toBeGreaterThan(0);
    expect(origin.heads.length).toBe(60 - refused);
    expect(proxy.counter('http.test.admission_control.rq_rejected')).toBe(refused);
    expect(proxy.streams.map((each) => each.responseCodeDetails)).toContain('denied_by_admission_control');
  });

  test('below the threshold of requests per second nothing is refused', async () => {
    const { proxy } = await rig(
      'HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n',
      ', rps_threshold: { default_value: 1000, runtime_key: k }',
    );
    for (let i = 0; i < 20; i++) expect(status(await exchange(proxy.port, request('/')))).toBe(500);
  });
});
