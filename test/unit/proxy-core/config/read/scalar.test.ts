import { describe, expect, test } from 'vitest';
import { loadMessage } from '../../../../../proxy-core/config/load.ts';
import type { ConfigNode } from '../../../../../proxy-core/config/message.ts';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';

/** The value that a field gets from a text, or undefined when it is refused; verdicts as measured on Envoy. */
function value(type: string, path: readonly string[], text: string): unknown {
  const yaml = path.reduceRight((inner, name) => `{ ${name}: ${inner} }`, text);
  const { root, diagnostics } = loadMessage(yaml, 'm.yaml', type);
  if (diagnostics.some((one) => one.code !== 'config.required' && one.severity === 'error')) return undefined;
  let node: ConfigNode | undefined = root ?? undefined;
  for (const name of path) node = node?.kind === 'message' ? node.fields.get(name)?.value : undefined;
  return node?.kind === 'scalar' ? node.value : undefined;
}

type Row = readonly [text: string, value: unknown];

const unsigned: Row[] = [
  ['1', 1],
  ['"1"', 1],
  ['08', 8],
  ['"08"', 8],
  ['010', 8],
  ['0x10', 16],
  ['+3', 3],
  ['"+3"', 3],
  ['0', 0],
  ['-0', 0],
  ['"-0"', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['"0x10"', undefined],
  ['" 1"', undefined],
  ['1e2', undefined],
  ['1_000', undefined],
  ['true', undefined],
  ['""', undefined],
  ['4294967295', 4294967295],
  ['4294967296', undefined],
  ['[1]', undefined],
];

const booleans: Row[] = [
  ['true', true],
  ['off', false],
  ['"true"', true],
  ['"t"', true],
  ['"YES"', true],
  ['tRUE', true],
  ['"0"', false],
  ['"1"', true],
  ['1', undefined],
  ['"on"', undefined],
  ['" true"', undefined],
  ['constructor', undefined],
];

const fractions: Row[] = [
  ['1', 1],
  ['1.5', 1.5],
  ['.5', 0.5],
  ['5.', 5],
  ['1e2', 100],
  ['"+3"', 3],
  ['" 1"', 1],
  ['"0x10"', 16],
  ['abc', undefined],
  ['true', undefined],
];

const enums: Row[] = [
  ['RANDOM', 'RANDOM'],
  ['random', 'RANDOM'],
  ['3', 'RANDOM'],
  ['"3"', 'RANDOM'],
  ['" 3"', 'RANDOM'],
  ['"+3"', 'RANDOM'],
  ['1.5', undefined],
  ['99', undefined],
  ['true', undefined],
  ['toString', undefined],
];

const bytes: Row[] = [
  ['aGk=', new Uint8Array([0x68, 0x69])],
  ['aGk', new Uint8Array([0x68, 0x69])],
  ['_-8', new Uint8Array([0xff, 0xef])],
  ['a', undefined],
  ['a b', undefined],
  ['1', undefined],
];

describe.each([
  ['uint32', CLUSTER, ['per_connection_buffer_limit_bytes'], unsigned],
  ['bool', CLUSTER, ['respect_dns_ttl'], booleans],
  ['double', 'envoy.type.v3.Percent', ['value'], fractions],
  ['enum', CLUSTER, ['lb_policy'], enums],
  ['bytes', 'envoy.config.core.v3.DataSource', ['inline_bytes'], bytes],
] as const)('%s', (_, type, path, rows) => {
  test.each(rows)('%s', (text, expected) => {
    expect(value(type, path, text)).toEqual(expected);
  });
});

test('64 bits stay exact', () => {
  const range = 'envoy.type.v3.Int64Range';
  expect(value(range, ['start'], '9007199254740993')).toBe(9007199254740993n);
  expect(value(range, ['start'], '-9223372036854775808')).toBe(-9223372036854775808n);
  expect(value(range, ['start'], '9223372036854775808')).toBeUndefined();
});
