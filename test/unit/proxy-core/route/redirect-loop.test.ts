import { describe, expect, it } from 'vitest';
import { redirectLoops } from '../../../../proxy-core/route/redirect-loop.ts';
import { compileTable, oneHost } from './support.ts';

const loops = (routes: string) =>
  redirectLoops(compileTable(oneHost(routes)).table).map(({ paths }) => paths.slice(0, 3).join(' → '));

describe('redirectLoops', () => {
  it.each([
    ['a path to itself', '- { match: { path: /a }, redirect: { path_redirect: /a } }', ['/a → /a']],
    [
      'two paths to each other',
      '- { match: { path: /a }, redirect: { path_redirect: /b } }\n- { match: { path: /b }, redirect: { path_redirect: /a } }',
      ['/a → /b → /a', '/b → /a → /b'],
    ],
    [
      'a prefix that its target has again',
      '- { match: { prefix: /old }, redirect: { prefix_rewrite: /old/new } }',
      ['/old → /old/new → /old/new/new'],
    ],
    ['a way out', '- { match: { path: /a }, redirect: { path_redirect: /b } }', []],
    ['https', '- { match: { prefix: / }, redirect: { https_redirect: true } }', []],
    ['another port', '- { match: { prefix: / }, redirect: { port_redirect: 8443 } }', []],
    [
      'a hidden redirect',
      '- { match: { prefix: / }, route: { cluster: a } }\n- { match: { path: /a }, redirect: { path_redirect: /a } }',
      [],
    ],
    [
      'conditions on more than the path',
      '- { match: { prefix: /, headers: [{ name: x-new, present_match: false }] }, redirect: { path_redirect: /a } }',
      [],
    ],
    [
      'another host of the same table',
      '- { match: { path: /a }, redirect: { host_redirect: other.test } }',
      ['/a → other.test/a → other.test/a'],
    ],
  ])('%s', (_what, routes, expected) => expect(loops(routes)).toEqual(expected));

  it('is a warning where the redirect stands', () => {
    const { reported } = compileTable(oneHost('- { match: { path: /a }, redirect: { path_redirect: /a } }'));
    expect(reported.map(({ severity, code, path }) => [severity, code, path])).toEqual([
      ['warning', 'route.redirect-loop', 'virtual_hosts[0].routes[0].redirect'],
    ]);
  });
});
