import { afterAll, beforeAll, expect, test } from 'vitest';
import { answer, applied, bootstrap, boundPort, cluster, get } from '../../../integration/support.ts';
import { filter } from '../http/filters/filter-rig.ts';
import { CoreRig } from './rig.ts';

let rig: CoreRig;
let port = 0;

beforeAll(async () => {
  rig = new CoreRig();
  const service = await rig.origin(answer(200, 'yes'));
  const script = `function envoy_on_request(h) if h:headers():get(':path') == '/lua' then h:respond({[':status'] = '403'}, 'no') end end`;
  const filters = [
    filter('lua', 'Lua', `default_source_code: { inline_string: "${script}" }`),
    filter('basic_auth', 'BasicAuth', 'users: { inline_string: "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=" }'),
  ];
  const text = bootstrap({
    routes: '              - { match: { prefix: / }, route: { cluster: service } }',
    clusters: cluster('service', [service.address]),
  }).replace('http_filters:\n', `http_filters:\n${filters.map((each) => `          ${each}\n`).join('')}`);
  await applied(rig.core, text);
  port = boundPort(rig.core);
});

afterAll(() => rig.close());

test.each([
  ['/lua', 403, 'lua_response'],
  ['/other', 401, 'no_credential_for_basic_auth'],
])('a recorded answer of a filter ends the decision there: %s', async (path, status, details) => {
  expect((await get(port, path)).status).toBe(status);
  const decision = rig.core.explainRecord(rig.core.recorderState().lastSeq);
  expect(decision?.outcome.localReply).toMatchObject({ status, details });
  expect(decision?.outcome.host).toBeNull();
  expect(decision?.detail).toBe('An HTTP filter answered the request.');
  expect(decision?.steps.map((step) => step.kind)).not.toContain('load-balancing');
});
