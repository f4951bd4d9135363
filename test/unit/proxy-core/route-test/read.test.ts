import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { one, run } from './support.ts';

const ROUTES =
  'virtual_hosts: [{ name: v, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: a } }] }]';

function problems(tests: string): readonly string[] {
  const { report, testDiagnostics } = run(ROUTES, tests);
  expect(report === null).toBe(testDiagnostics.some(({ severity }) => severity === 'error'));
  return testDiagnostics.map(({ range, message }) => `${range.line}: ${message}`);
}

describe('readRouteTests', () => {
  it.each([
    ['nothing', '', ['1: tests.yaml is empty.']],
    ['a list', '- a', ['1: tests.yaml holds no list `tests`.']],
    ['tests that are no list', 'tests: 1', ['1: tests is “1”.']],
    ['a test that is no map', 'tests: [a]', ['1: tests[0] is “a”.']],
    [
      'missing parts',
      'tests:\n- test_name: ""',
      ['2: tests[0].test_name is needed.', '2: tests[0].input is needed.', '2: tests[0].validate is needed.'],
    ],
    [
      'a misspelt expectation',
      one('/', '{ clustername: a }'),
      ['4: There is no field clustername here. Did you mean cluster_name?'],
    ],
    [
      'the old name of headers',
      one('/', '{ cluster_name: a }', 'additional_headers: []'),
      ['3: There is no field additional_headers here.'],
    ],
    [
      'a draw that is no number',
      one('/', '{}', 'random_value: half'),
      ['3: tests[0].input.random_value is “half”.'],
    ],
    ['ssl that is no switch', one('/', '{}', 'ssl: maybe'), ['3: tests[0].input.ssl is “maybe”.']],
    [
      'a wrong header matcher',
      one('/', '{ request_header_matches: [{ name: a, string_match: { exakt: b } }] }'),
      [expect.stringContaining('exakt')],
    ],
  ])('says what is wrong with %s', (_what, tests, expected) => {
    expect(problems(tests)).toEqual(expected);
  });

  it('takes JSON', () => {
    const json = JSON.stringify({
      tests: [
        {
          test_name: 'n',
          input: { authority: 'a', path: '/', method: 'GET' },
          validate: { cluster_name: 'a' },
        },
      ],
    });
    expect(problems(json)).toEqual([]);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        run(ROUTES, JSON.stringify({ tests: [value] }));
        run(ROUTES, JSON.stringify({ tests: [{ test_name: 'a', input: value, validate: value }] }));
      }),
      { numRuns: 200 },
    );
  });
});
