import { afterAll, beforeAll, expect, test } from 'vitest';
import { applied, bootstrap, boundPort, cluster } from '../../../../integration/support.ts';
import { CoreRig } from '../../core/rig.ts';
import { filter } from './filter-rig.ts';

let rig: CoreRig;
let port = 0;

beforeAll(async () => {
  rig = new CoreRig();
  // The SHA-1 of `secret`.
  const users = 'users: { inline_string: "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=" }';
  const text = bootstrap({
    routes: '              - { match: { prefix: / }, route: { cluster: service } }',
    clusters: cluster('service', ['127.0.0.1:1']),
  }).replace('http_filters:\n', `http_filters:\n          ${filter('basic_auth', 'BasicAuth', users)}\n`);
  await applied(rig.core, text);
  port = boundPort(rig.core);
});

afterAll(() => rig.close());

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

test.each([
  ['no credentials', null, 'no_credential_for_basic_auth', 'Missing username and password'],
  ['another scheme', 'Bearer x', 'invalid_scheme_for_basic_auth', "Expected 'Basic'"],
  ['no colon', basic('ann'), 'invalid_format_for_basic_auth', 'Invalid basic credential format'],
  ['a wrong password', basic('ann:no'), 'invalid_credential_for_basic_auth', 'User `ann` is known'],
  [
    'nobody of that name',
    basic('bob:secret'),
    'invalid_credential_for_basic_auth',
    'User `bob` is not known',
  ],
  ['the right password', basic('ann:secret'), null, 'user `ann` gave the right password'],
])('told: %s', (_, authorization, details, text) => {
  const decision = rig.core.explain({
    method: 'GET',
    url: `http://127.0.0.1:${port}/`,
    headers: authorization === null ? [] : [['authorization', authorization]],
  });
  const notes = decision.steps.find((step) => step.kind === 'http-filters')?.notes ?? [];
  expect(notes.map((note) => note.text).join('\n')).toContain(text);
  expect(notes.every((note) => note.source !== null)).toBe(true);
  const reply = decision.outcome.localReply;
  if (details === null) expect(reply?.details ?? '').not.toContain('basic_auth');
  else expect(reply).toMatchObject({ status: 401, details });
});
