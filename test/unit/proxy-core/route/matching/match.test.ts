import { describe, expect, test } from 'vitest';
import { decideRoute } from '../../../../../proxy-core/route/decide.ts';
import { compileTable, input, recordingNarrator } from '../support.ts';

const HEADER = (name: string) =>
  `input: { name: h, typed_config: { "@type": type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput, header_name: ${name} } }`;
const ANSWER = (name: string, status: number) =>
  `action: { name: ${name}, typed_config: { "@type": type.googleapis.com/envoy.config.route.v3.Route, match: { prefix: / }, direct_response: { status: ${status} } } }`;

const table = (matcher: string) => `
name: r
virtual_hosts:
- name: v
  domains: ["*"]
  matcher:
${matcher.replace(/^(?=.)/gm, '    ')}
`;

const TREE = table(`matcher_tree:
  ${HEADER('x-tier')}
  prefix_match_map:
    map:
      go: { ${ANSWER('short', 201)} }
      gold: { ${ANSWER('long', 202)} }
on_no_match: { ${ANSWER('rest', 203)} }`);

const LIST = table(`matcher_list:
  matchers:
  - predicate: { single_predicate: { ${HEADER('x-a')}, value_match: { exact: one } } }
    on_match: { ${ANSWER('first', 201)} }
  - predicate: { not_matcher: { single_predicate: { ${HEADER('x-a')}, value_match: { prefix: two } } } }
    on_match: { ${ANSWER('second', 202)} }`);

function decide(yaml: string, headers: string[]) {
  const compiled = compileTable(yaml);
  expect(compiled.reported).toEqual([]);
  const route = recordingNarrator();
  const narrated = decideRoute(compiled.table, input('/x', headers), {
    virtualHost: recordingNarrator(),
    route,
  });
  const silent = decideRoute(compiled.table, input('/x', headers));
  expect(silent).toBe(narrated);
  const status = silent?.action.kind === 'direct-response' ? silent.action.status : null;
  return { status, told: route.notes };
}

describe('a generic matcher of a virtual host', () => {
  test.each([
    [TREE, ['x-tier', 'goldfish'], 202, ['header `x-tier` is `goldfish`: found by prefix', 'action `long`']],
    [TREE, ['x-tier', 'good'], 201, ['header `x-tier` is `good`: found by prefix', 'action `short`']],
    [
      TREE,
      ['x-tier', 'tin'],
      203,
      ['header `x-tier` is `tin`: not in the map', 'nothing matches: on_no_match says `rest`'],
    ],
    [
      TREE,
      [],
      203,
      ['header `x-tier` is not there: not in the map', 'nothing matches: on_no_match says `rest`'],
    ],
    [LIST, ['x-a', 'one'], 201, ['header `x-a` is `one`, exact `one` wanted: holds', 'action `first`']],
    [
      LIST,
      ['x-a', 'two'],
      null,
      [
        'header `x-a` is `two`, exact `one` wanted: does not hold',
        'not (header `x-a` is `two`, prefix `two` wanted): does not hold',
        'the matcher has nothing for it',
      ],
    ],
    [
      LIST,
      [],
      202,
      [
        'header `x-a` is not there, exact `one` wanted: does not hold',
        'not (header `x-a` is not there, prefix `two` wanted): holds',
        'action `second`',
      ],
    ],
  ])('decides and tells why (%#)', (yaml, headers, status, told) => {
    expect(decide(yaml, headers)).toEqual({ status, told });
  });

  test('stands alone', () => {
    const both = LIST.replace(
      '  matcher:',
      '  routes: [{ match: { prefix: / }, route: { cluster: a } }]\n  matcher:',
    );
    expect(compileTable(both).reported.map(({ message }) => message)).toEqual([
      'cannot set both matcher and routes on virtual host',
    ]);
  });
});
