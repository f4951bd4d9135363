import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Decision } from '../../../../proxy-core/index.ts';
import { answer, applied, bootstrap, boundPort, cluster, get } from '../../../integration/support.ts';
import { CoreRig } from './rig.ts';

let rig: CoreRig;
let port: number;
let flaky: string;
let steady: string;

const ROUTES = `              - { name: gone, match: { path: /gone }, route: { cluster: empty } }
              - { name: missing, match: { prefix: /missing }, route: { cluster_header: x-where } }
              - { name: old, match: { prefix: /old }, redirect: { prefix_rewrite: /new, response_code: FOUND } }
              - { name: fixed, match: { path: /fixed }, direct_response: { status: 418, body: { inline_string: tea } } }
              - { name: canary, match: { prefix: /api, headers: [{ name: x-canary, string_match: { exact: "1" } }] }, route: { cluster: service, prefix_rewrite: /v2 } }
              - { name: api, match: { prefix: /api }, route: { cluster: service, retry_policy: { retry_on: 5xx, num_retries: 2 } } }
              - { name: elsewhere, match: { path: /elsewhere }, route: { cluster: drawn, retry_policy: { retry_on: 5xx, num_retries: 2, retry_host_predicate: [{ name: previous, typed_config: { "@type": type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate } }], host_selection_retry_max_attempts: 20 } } }
              - { name: closed, match: { prefix: /closed }, route: { cluster: service } }`;

beforeAll(async () => {
  rig = new CoreRig();
  const bad = await rig.origin(answer(503, 'no'));
  const good = await rig.origin(answer(200, 'yes'));
  flaky = bad.address;
  steady = good.address;
  const text = bootstrap({
    routes: ROUTES,
    clusters:
      cluster('service', [flaky, steady]) +
      cluster('drawn', [flaky, steady], '\n    lb_policy: RANDOM') +
      '  - { name: empty, connect_timeout: 1s, load_assignment: { cluster_name: empty } }\n',
  }).replace('domains: ["*"]', 'domains: ["shop.local", "*.shop.local:*", "127.0.0.1:*"]');
  await applied(rig.core, text);
  port = boundPort(rig.core);
});

afterAll(() => rig.close());

function step(decision: Decision, kind: string): Decision['steps'][number] {
  const found = decision.steps.find((each) => each.kind === kind);
  if (found === undefined) throw new Error(`no step ${kind} in ${decision.steps.map((s) => s.kind)}`);
  return found;
}

describe('an imagined request', () => {
  const explain = (path: string, headers: [string, string][] = [], host = 'shop.local'): Decision =>
    rig.core.explain({
      method: 'get',
      url: `http://${host}:${port}${path}`,
      headers: [['host', host], ...headers],
    });

  test.each<[string, string, [string, string][], Record<string, unknown>]>([
    [
      'a route to a host',
      '/api/x',
      [],
      { route: 'api', routeIndex: 5, cluster: 'service', localReply: null },
    ],
    ['a header match', '/api/x', [['X-Canary', '1']], { route: 'canary', routeIndex: 4, cluster: 'service' }],
    [
      'no route',
      '/nowhere',
      [],
      {
        virtualHost: 'all',
        route: null,
        localReply: { status: 404, flags: 'NR', details: 'route_not_found' },
      },
    ],
    [
      'no such cluster',
      '/missing',
      [['x-where', 'lost']],
      { cluster: 'lost', localReply: { status: 503, flags: 'NC', details: 'cluster_not_found' } },
    ],
    [
      'no header to name it',
      '/missing',
      [],
      { cluster: null, localReply: { status: 503, flags: 'NC', details: 'cluster_not_found' } },
    ],
    [
      'no host',
      '/gone',
      [],
      {
        cluster: 'empty',
        host: null,
        localReply: { status: 503, flags: 'UH', details: 'no_healthy_upstream' },
      },
    ],
    [
      'a direct response',
      '/fixed',
      [],
      { route: 'fixed', localReply: { status: 418, flags: '', details: 'direct_response' } },
    ],
    [
      'a redirect',
      '/old/x',
      [],
      { route: 'old', localReply: { status: 302, flags: '', details: 'direct_response' } },
    ],
  ])('%s', (_, path, headers, outcome) => {
    expect(explain(path, headers).outcome).toMatchObject({ listener: 'main', ...outcome });
  });

  test('no virtual host', () => {
    const decision = explain('/api', [], 'other.test');
    expect(decision.outcome).toMatchObject({ virtualHost: null, localReply: { status: 404, flags: 'NR' } });
    expect(decision.detail).toBe('No virtual host takes `other.test`.');
  });

  test('each route that lost says why, and the one that won where it stands', () => {
    const route = step(explain('/api/x', [['x-canary', '0']]), 'route');
    expect(route.candidates.map(({ name, result }) => `${name} ${result}`)).toEqual([
      'gone lost',
      'missing lost',
      'old lost',
      'fixed lost',
      'canary lost',
      'api won',
      'elsewhere not-tried',
      'closed not-tried',
    ]);
    expect(route.candidates[4]?.reason).toContain('x-canary');
    expect(route.source?.line).toBeGreaterThan(1);
  });

  test('tells what is rewritten and where a redirect leads', () => {
    const rewritten = step(explain('/api/x?y', [['x-canary', '1']]), 'rewrite');
    expect(rewritten.notes.map((note) => note.text)).toEqual(['path `/api/x?y` becomes `/v2/x?y`']);
    expect(step(explain('/old/x'), 'response').text).toContain('http://shop.local/new/x');
  });

  test('the port of the URL picks the listener; without one that fits the first stands in and says so', () => {
    expect(step(explain('/api'), 'listener').text).toBe(`127.0.0.1:${port}`);
    const other = rig.core.explain({
      method: 'GET',
      url: 'http://shop.local:1/api',
      headers: [['host', 'shop.local']],
    });
    expect(step(other, 'listener').notes[0]?.text).toContain('No listener has port 1');
  });

  test('the same draw gives the same host', () => {
    const at = (random: number): string | null =>
      rig.core.explain({ method: 'GET', url: `http://127.0.0.1:${port}/closed`, headers: [], random }).outcome
        .host;
    expect(at(1)).toBe(at(1));
    expect([flaky, steady]).toContain(at(1));
  });

  test('what is no URL is refused with the way to write one', () => {
    expect(() => rig.core.explain({ method: 'GET', url: 'http://', headers: [] })).toThrow(
      'http://host[:port]/path',
    );
  });
});

describe('a recorded request', () => {
  test('is told with every try, its host and the answer', async () => {
    // Round robin: at most two requests until one meets the bad host first.
    let found: Decision | null = null;
    for (let i = 0; i < 4 && found === null; i++) {
      rig.clock.advance(1);
      const pending = get(port, '/api/a');
      const timer = setInterval(() => rig.clock.advance(10), 2);
      expect((await pending).status).toBe(200);
      clearInterval(timer);
      const decision = rig.core.explainRecord(rig.core.recorderState().lastSeq);
      if (decision?.headline.includes('retry')) found = decision;
    }
    expect(found?.headline).toBe(`200 from ${steady} after one retry.`);
    expect(found?.detail).toBe(`${flaky} answered 503.`);
    const tries = found?.steps.filter((each) => each.kind === 'load-balancing') ?? [];
    expect(tries.map((each) => each.subject)).toEqual([flaky, steady]);
    // Told again by the code that picked: the host that won there is the host that was used.
    for (const each of tries) {
      expect(each.candidates.find((candidate) => candidate.result === 'won')?.name).toBe(each.subject);
    }
    expect(found?.steps.filter((each) => each.kind === 'attempt').map((each) => each.subject)).toEqual([
      '503',
      '200',
    ]);
    expect(found?.steps.at(-1)).toMatchObject({ kind: 'response', subject: '200', tone: 'good' });
  });

  test('hosts that a retry did not want are named', async () => {
    let told: string[] = [];
    for (let i = 0; i < 60 && told.length === 0; i++) {
      const pending = get(port, '/elsewhere');
      const timer = setInterval(() => rig.clock.advance(10), 2);
      expect((await pending).status).toBe(200);
      clearInterval(timer);
      const decision = rig.core.explainRecord(rig.core.recorderState().lastSeq);
      const picks = decision?.steps.filter((each) => each.kind === 'load-balancing') ?? [];
      for (const each of picks) {
        expect(each.candidates.find((candidate) => candidate.result === 'won')?.name).toBe(each.subject);
      }
      told = picks
        .flatMap((each) => each.notes.map(({ text }) => text))
        .filter((t) => t.includes('passed over'));
    }
    expect(told[0]).toBe(
      `${flaky} was drawn first and passed over: a retry does not want it (\`retry_host_predicate\`).`,
    );
  });

  test('a local reply keeps its flags', async () => {
    expect((await get(port, '/gone')).status).toBe(503);
    const decision = rig.core.explainRecord(rig.core.recorderState().lastSeq);
    expect(decision?.outcome.localReply).toEqual({
      status: 503,
      flags: 'UH',
      details: 'no_healthy_upstream',
    });
    expect(decision?.headline).toBe('503 written by the proxy.');
  });

  test('one that left the ring has no decision', () => {
    expect(rig.core.explainRecord(1_000_000)).toBeNull();
  });
});

test('without a configuration there is nothing to explain', async () => {
  const empty = new CoreRig();
  expect(() => empty.core.explain({ method: 'GET', url: 'http://a/', headers: [] })).toThrow(
    'No configuration runs',
  );
  await empty.close();
});
