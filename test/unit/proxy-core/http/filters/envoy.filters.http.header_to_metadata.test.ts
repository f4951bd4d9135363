import { create, toBinary } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { afterEach, describe, expect, test } from 'vitest';
import { exchange, Origin, ProxyRig, request } from '../data-path-rig.ts';
import { filter, filterYaml } from './filter-rig.ts';

const close: (() => void)[] = [];
afterEach(() => {
  for (const each of close.splice(0)) each();
});

/** The metadata `nn` that a request gets by one rule. */
async function metadata(rule: string, headers: string): Promise<unknown> {
  const origin = new Origin((_head, socket) =>
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-r: v\r\n\r\n'),
  );
  await origin.listen();
  const filters = [filter('header_to_metadata', 'Config', rule)];
  const proxy = await ProxyRig.fromYaml(filterYaml({ filters, ports: [origin.port] }));
  close.push(
    () => proxy.close(),
    () => origin.close(),
  );
  await exchange(proxy.port, request('/p', headers));
  return proxy.streams[0]?.dynamicMetadata?.get('nn');
}

const present = (more: string, header = 'x-h'): string =>
  `request_rules: [{ header: ${header}, on_header_present: { metadata_namespace: nn, key: k, ${more} } }]`;
const value = toBinary(ValueSchema, create(ValueSchema, { kind: { case: 'boolValue', value: true } }));

describe('values of headers as metadata', () => {
  test.each<[string, string, string, unknown]>([
    ['as text', present('type: STRING'), 'x-h: some text', { k: 'some text' }],
    ['as a number', present('type: NUMBER'), 'x-h: -1.5e3', { k: -1500 }],
    ['no number', present('type: NUMBER'), 'x-h: 1,5', undefined],
    ['base64', present('encode: BASE64'), 'x-h: aGVsbG8=', { k: 'hello' }],
    ['no base64', present('encode: BASE64'), 'x-h: ***', undefined],
    [
      'a protobuf value',
      present('type: PROTOBUF_VALUE, encode: BASE64'),
      `x-h: ${Buffer.from(value).toString('base64')}`,
      { k: true },
    ],
    ['no protobuf value', present('type: PROTOBUF_VALUE, encode: BASE64'), 'x-h: /////w==', undefined],
    ['a fixed value', present('value: v'), 'x-h: other', { k: 'v' }],
    ['an empty header', present('type: STRING'), 'x-h: ', undefined],
    ['too long', present('type: STRING'), `x-h: ${'a'.repeat(8192)}`, undefined],
    ['a pseudo-header', present('type: STRING', '":path"'), 'x: y', { k: '/p' }],
    [
      'a header of the answer',
      'response_rules: [{ header: x-r, on_header_present: { metadata_namespace: nn, key: k } }]',
      'x: y',
      { k: 'v' },
    ],
  ])('%s', async (_what, rule, header, expected) => {
    expect(await metadata(rule, `${header}\r\n`)).toEqual(expected);
  });
});
