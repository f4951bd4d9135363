import { afterEach, describe, expect, test } from 'vitest';
import type { Jwks } from '../../../../../proxy-core/http/filters/jwks.ts';
import { RemoteJwks, type RemoteJwksSettings } from '../../../../../proxy-core/http/filters/jwks-fetcher.ts';
import { ClientRig } from '../async-client/client-rig.ts';
import { eventually, Origin } from '../data-path-rig.ts';

const KEYS = JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] });
const answer = (status: number, body = ''): string =>
  `HTTP/1.1 ${status} X\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

async function start(answers: string[], more: Partial<RemoteJwksSettings> = {}) {
  const origin = new Origin((_head, socket) => {
    socket.write(answers.length > 1 ? (answers.shift() as string) : (answers[0] ?? answer(404)));
  });
  await origin.listen();
  const rig = new ClientRig([origin.port]);
  const events: string[] = [];
  rig.client.path.onEvent = (event) => events.push(event.text);
  const remote = new RemoteJwks('p', {
    target: { uri: 'http://keys.test/k', authority: 'keys.test', path: '/k', cluster: 'a', timeout: 2000 },
    cacheDuration: 600_000,
    async: null,
    retries: 0,
    backOff: { base: 5, max: 10 },
    ...more,
  });
  const results: boolean[] = [];
  remote.observer = { onFetched: (ok) => results.push(ok) };
  closers.push(
    () => origin.close(),
    () => rig.close(),
    () => remote.stop(),
  );
  const fetch = (): Promise<Jwks | null> => new Promise((resolve) => remote.fetch(rig.client, resolve));
  return { origin, rig, remote, fetch, results, events };
}

describe('keys from a cluster', () => {
  test('are asked for once by those who need them together, and kept', async () => {
    const { origin, remote, rig, fetch, results } = await start([answer(200, KEYS)]);
    const got = await Promise.all([fetch(), fetch(), fetch()]);
    expect(got.map((each) => each?.keys.length)).toEqual([1, 1, 1]);
    expect([origin.heads.length, results]).toEqual([1, [true]]);
    expect(origin.heads[0]).toContain('GET /k HTTP/1.1\r\nhost: keys.test\r\nuser-agent: Go-browser');
    const now = rig.clock.now();
    expect([remote.current(now) !== null, remote.current(now + 600_001)]).toEqual([true, null]);
  });

  test.each([
    ['an error', answer(500)],
    ['not found', answer(404)],
    ['nothing', answer(200)],
    ['no keys', answer(200, '{}')],
    ['a closed door', ''],
  ])('%s is a failure: an event, and the next one asks again', async (_what, first) => {
    const { fetch, results, events } = await start(
      [first === '' ? 'HTTP/1.1 200 OK\r\nbroken' : first, answer(200, KEYS)],
      {
        target: {
          uri: 'http://k/',
          authority: 'k',
          path: '/',
          cluster: first === '' ? 'empty' : 'a',
          timeout: 500,
        },
      },
    );
    expect(await fetch()).toBeNull();
    expect(results).toEqual([false]);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatch(
      /^Provider p gets no answer from cluster (a|empty): .*\. Its tokens are refused with 401\.$/,
    );
    if (first === '') return;
    expect((await fetch())?.keys).toHaveLength(1);
    expect(events[1]).toBe('Provider p is answered by cluster a again.');
  });

  test('a failed try is tried again when the configuration says so', async () => {
    const { origin, fetch, results } = await start([answer(503), answer(503), answer(200, KEYS)], {
      retries: 2,
    });
    expect((await fetch())?.keys).toHaveLength(1);
    expect([origin.heads.length, results]).toEqual([3, [true]]);
  });

  test('async_fetch has them before anybody asks, after a failure too', async () => {
    const { remote, rig, results } = await start([answer(500), answer(200, KEYS)], {
      async: { failedRefetch: 10 },
    });
    remote.start(rig.client);
    await eventually(() => remote.current(rig.clock.now()) !== null);
    expect(results).toEqual([false, true]);
  });
});
