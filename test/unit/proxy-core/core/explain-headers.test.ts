import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DecisionStep } from '../../../../proxy-core/index.ts';
import { applied, bootstrap, boundPort, cluster } from '../../../integration/support.ts';
import { CoreRig } from './rig.ts';

const ROUTES = `              - match: { prefix: /all }
                route: { cluster: service, hash_policy: [{ cookie: { name: sid } }, { header: { header_name: x-user }, terminal: true }] }
                request_headers_to_remove: [x-gone, x-absent]
                request_headers_to_add:
                - { header: { key: x-once, value: "1" }, append_action: ADD_IF_ABSENT }
                - { header: { key: x-new, value: "1" }, append_action: OVERWRITE_IF_EXISTS }
                - { header: { key: x-method, value: "%REQ(:method)%" } }
                response_headers_to_remove: [server]
              - { match: { path: /answer }, direct_response: { status: 204 }, response_headers_to_add: [{ header: { key: x-why, value: here } }] }
              - { match: { prefix: / }, route: { cluster: service } }`;

let rig: CoreRig;
let port = 0;

beforeAll(async () => {
  rig = new CoreRig();
  await applied(rig.core, bootstrap({ routes: ROUTES, clusters: cluster('service', ['127.0.0.1:1']) }));
  port = boundPort(rig.core);
});

afterAll(() => rig.close());

function steps(path: string): readonly DecisionStep[] {
  const headers: [string, string][] = [
    ['x-gone', 'a'],
    ['x-once', '0'],
    ['x-user', 'ann'],
  ];
  return rig.core.explain({ method: 'GET', url: `http://127.0.0.1:${port}${path}`, headers }).steps;
}

const headerNotes = (path: string) => steps(path).filter((step) => step.kind === 'headers');

test.each([
  [
    '/all',
    [
      'route: removes `x-gone: a`',
      'route: `x-absent` to remove is not there',
      'route: `x-once` is there already (`0`)',
      'route: `x-new` is not there, so it is not overwritten',
      'route: sets `x-method: GET`',
      'route: `server` to remove is not there',
    ],
  ],
  ['/answer', ['route: sets `x-why: here`']],
  ['/other', []],
])('header rules of %s are told, each with its place', (path, expected) => {
  const notes = headerNotes(path).flatMap((step) => step.notes);
  expect(notes.map((note) => note.text)).toEqual(expected);
  expect(notes.filter((note) => note.source === null)).toEqual([]);
});

test('hash policies are told with the values that they hashed', () => {
  const notes = steps('/all').find((step) => step.kind === 'cluster')?.notes ?? [];
  const told = notes.filter((note) => note.text.startsWith('hash policy'));
  expect(told.map((note) => note.text.replace(/\d{5,}/, 'N'))).toEqual([
    'hash policy: cookie `sid` gave nothing',
    'hash policy: header `x-user` `ann` gave N, which ends the list',
  ]);
});
