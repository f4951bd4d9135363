import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Decision } from '../../../../proxy-core/index.ts';
import { answer, applied, bootstrap, boundPort, cluster, get } from '../../../integration/support.ts';
import { CoreRig } from './rig.ts';

const ROUTES = `              - { name: copied, match: { prefix: /copied }, stat_prefix: mine, route: { cluster: service, request_mirror_policies: [{ cluster: shadow }] } }
              - { name: moved, match: { prefix: /moved }, route: { cluster: moving, internal_redirect_policy: { max_internal_redirects: 2 } } }
              - { name: stuck, match: { prefix: /stuck }, route: { cluster: moving, internal_redirect_policy: { max_internal_redirects: 0 } } }
              - { name: early, match: { prefix: /early, headers: [{ name: x-early, string_match: { exact: "1" } }] }, route: { cluster: service } }
              - { name: gone, match: { prefix: /gone }, direct_response: { status: 404 } }`;

const HCM = `
          early_header_mutation_extensions:
          - name: early
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation
              mutations: [{ append: { header: { key: x-early, value: "1" } } }]
          local_reply_config:
            mappers:
            - { filter: { status_code_filter: { comparison: { op: EQ, value: { default_value: 403, runtime_key: k } } } }, status_code: 499 }
            - { filter: { status_code_filter: { comparison: { op: EQ, value: { default_value: 404, runtime_key: k } } } }, status_code: 410 }`;

let rig: CoreRig;
let port: number;
let shadowHits: () => number;

beforeAll(async () => {
  rig = new CoreRig();
  const service = await rig.origin(answer(200, 'yes'));
  const shadow = await rig.origin(answer(500, 'never seen'));
  shadowHits = () => shadow.hits;
  const moving = await rig.origin((request, response) => {
    const moved = request.url === '/moved/a' || request.url === '/stuck/a';
    if (moved) response.writeHead(302, { location: `http://${request.headers.host}/copied/b` });
    response.end();
  });
  const text = bootstrap({
    routes: ROUTES,
    hcm: HCM,
    clusters:
      cluster('service', [service.address]) +
      cluster('shadow', [shadow.address]) +
      cluster('moving', [moving.address]),
  });
  await applied(rig.core, text);
  port = boundPort(rig.core);
});

afterAll(() => rig.close());

const texts = (decision: Decision | null): string[] =>
  (decision?.steps ?? []).flatMap((each) => [
    `${each.kind}: ${each.subject} ${each.text}`.trim(),
    ...each.notes.map((note) => note.text),
  ]);

const imagined = (path: string): Decision =>
  rig.core.explain({ method: 'GET', url: `http://127.0.0.1:${port}${path}`, headers: [] });

test('a mirror policy is told for an imagined request, and a copy that was sent for a recorded one', async () => {
  expect(texts(imagined('/copied/a'))).toEqual(
    expect.arrayContaining([
      'mirrored to `shadow`',
      'cluster: shadow gets a copy; its answer is dropped',
      'counted as `mine`',
    ]),
  );
  expect((await get(port, '/copied/a')).status).toBe(200);
  const seq = rig.core.recorderState().lastSeq;
  const sent = texts(rig.core.explainRecord(seq)).find((text) =>
    text.startsWith('mirrored to `shadow`, host'),
  );
  expect(sent).toBeDefined();
  for (let i = 0; i < 200 && shadowHits() === 0; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(shadowHits()).toBe(1);
});

test('an internal redirect makes two records, and both tell it', async () => {
  expect((await get(port, '/moved/a')).status).toBe(200);
  const last = rig.core.recorderState().lastSeq;
  const first = rig.core.explainRecord(last - 1);
  expect(first?.outcome).toMatchObject({ route: 'moved', cluster: 'moving' });
  expect(texts(first)).toContain('response: internal redirect to route copied');
  const second = rig.core.explainRecord(last);
  expect(second?.outcome).toMatchObject({ route: 'copied', cluster: 'service' });
  expect(texts(second).some((text) => text.startsWith('headers: internal redirect 1 from'))).toBe(true);
});

test('a redirect that goes to the client says why', async () => {
  expect((await get(port, '/stuck/a')).status).toBe(302);
  const decision = rig.core.explainRecord(rig.core.recorderState().lastSeq);
  expect(texts(decision)).toEqual(
    expect.arrayContaining([
      'response: internal redirect is not followed',
      'the redirect goes to the client: max_internal_redirects is 0',
    ]),
  );
});

test('early header mutation is told, and routes see it', () => {
  const decision = imagined('/early');
  expect(decision.outcome.route).toBe('early');
  expect(texts(decision)).toContain('headers: request head before anything else looks at it');
});

test('the local reply that a mapper changes is told with its new status', () => {
  const decision = imagined('/gone');
  expect(decision.outcome.localReply?.status).toBe(410);
  expect(decision.headline).toBe('410 written by the proxy.');
  expect(texts(decision)).toEqual(
    expect.arrayContaining(['a mapper does not take it', 'this mapper takes it: 404 becomes 410']),
  );
});
