import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { afterEach, describe, expect, test } from 'vitest';
import { exchange, ProxyRig, request, status } from '../data-path-rig.ts';
import { filter, filterYaml, parted } from './filter-rig.ts';
import { frame, type GrpcAnswer, type GrpcCall, GrpcOrigin, HTTP2_CLUSTER } from './grpc-rig.ts';

const FILE = join(import.meta.dirname, 'transcoder/shop.binpb');
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(FILE)));
const type = (name: string): DescMessage => {
  const message = registry.getMessage(`shop.v1.${name}`);
  if (message === undefined) throw new Error(name);
  return message;
};
const item = (fields: object): Buffer => frame(toBinary(type('Item'), create(type('Item'), fields as never)));
const received = (name: string, call: GrpcCall | undefined): unknown =>
  toJson(type(name), fromBinary(type(name), (call?.body ?? Buffer.alloc(0)).subarray(5)), { registry });

const close: (() => void)[] = [];
afterEach(() => {
  for (const each of close.splice(0)) each();
});

async function rig(answer: (call: GrpcCall) => GrpcAnswer, fields = '', before: string[] = []) {
  const origin = new GrpcOrigin(answer);
  await origin.listen();
  const config = filter(
    'grpc_json_transcoder',
    'GrpcJsonTranscoder',
    `proto_descriptor: ${FILE}, services: [shop.v1.Shop]${fields}`,
  );
  const yaml = filterYaml({ filters: [...before, config], ports: [origin.port], cluster: HTTP2_CLUSTER });
  const proxy = await ProxyRig.fromYaml(yaml);
  close.push(
    () => proxy.close(),
    () => origin.close(),
  );
  return { origin, proxy };
}

const OK = { 'grpc-status': '0' };
const post = (path: string, body: string): string =>
  request(
    path,
    `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`,
    'POST',
    body,
  );

describe('JSON to gRPC', () => {
  test.each([
    ['a path', request('/v1/items/7'), 'GetItem', 'GetItemRequest', { id: '7' }],
    [
      'a query',
      request('/v1/items/7?page_size=5&tags=a&tags=b&filter.display_name=x&filter.kind=BOOK&deep=true'),
      'GetItem',
      'GetItemRequest',
      {
        id: '7',
        pageSize: '5',
        tags: ['a', 'b'],
        deep: true,
        filter: { displayName: 'x', kind: 'BOOK' },
      },
    ],
    [
      'an additional binding',
      request('/v1/shelves/1/items/a/b'),
      'GetItem',
      'GetItemRequest',
      { path: 'shelves/1/items/a/b' },
    ],
    [
      'a body for one field',
      post('/v1/shelves/s/items?note=n', '{"id":"1","price":"9007199254740993","nonsense":1}'),
      'CreateItem',
      'CreateItemRequest',
      { shelf: 's', note: 'n', item: { id: '1', price: '9007199254740993' } },
    ],
    [
      'a body for all',
      post('/v1/items/9', '{"id":"other","displayName":"d"}').replace('POST', 'PATCH'),
      'UpdateItem',
      'Item',
      { id: '9', displayName: 'd' },
    ],
  ])('%s', async (_what, sent, method, message, expected) => {
    const { origin, proxy } = await rig(() => ({ body: [item({})], trailers: OK }));
    const answer = await exchange(proxy.port, sent);
    expect(status(answer)).toBe(200);
    expect(origin.calls.map((call) => call.path)).toEqual([`/shop.v1.Shop/${method}`]);
    expect(received(message, origin.calls[0])).toEqual(expected);
  });

  test('a stream of messages is an array, each message leaves when it is whole', async () => {
    const { origin, proxy } = await rig(() => ({ body: [item({})], trailers: OK }));
    await exchange(proxy.port, post('/v1/add', '[{"id":"1"}, {"id":"2"}]'));
    expect(origin.calls[0]?.body).toEqual(Buffer.concat([item({ id: '1' }), item({ id: '2' })]));
  });

  test.each([
    ['{"price":"many"}', 400],
    ['{"price":', 400],
    ['[1]', 400],
  ])('%s is refused', async (body, expected) => {
    const { origin, proxy } = await rig(() => ({ body: [item({})], trailers: OK }));
    const answer = await exchange(proxy.port, post('/v1/items/9', body).replace('POST', 'PATCH'));
    expect(status(answer)).toBe(expected);
    expect(origin.calls).toEqual([]);
    expect(proxy.streams[0]?.responseCodeDetails).toBe('grpc_json_transcode_failure{INVALID_ARGUMENT}');
  });

  test('a body over the limit is refused', async () => {
    const { proxy } = await rig(() => ({ trailers: OK }), ', max_request_body_size: 10');
    const answer = await exchange(proxy.port, post('/v1/shelves/s/items', '{"id":"1234567890"}'));
    expect(status(answer)).toBe(413);
  });

  test('behind a buffer', async () => {
    const buffer = filter('buffer', 'Buffer', 'max_request_bytes: 1000');
    const { origin, proxy } = await rig(() => ({ body: [item({ id: '1' })], trailers: OK }), '', [buffer]);
    const answer = parted(await exchange(proxy.port, post('/v1/shelves/s/items', '{"id":"1"}')));
    expect(JSON.parse(answer.body.toString())).toEqual({ id: '1' });
    expect(origin.calls[0]?.headers['content-length']).toBeUndefined();
  });
});

describe('gRPC to JSON', () => {
  test('a message, in pieces', async () => {
    const bytes = item({ id: '1', displayName: '<é>', price: 12n, kind: 1, weight: 0.1 });
    const { proxy } = await rig(() => ({ body: [bytes.subarray(0, 3), bytes.subarray(3)], trailers: OK }));
    const { head, body } = parted(await exchange(proxy.port, request('/v1/items/1')));
    expect(body.toString()).toBe(
      '{"id":"1","displayName":"\\u003cé\\u003e","price":"12","kind":"BOOK","weight":0.1}',
    );
    expect(head).toContain('content-type: application/json');
    expect(head).toContain(`content-length: ${body.length}`);
  });

  test.each([
    ['', '[{"id":"1"},{"id":"2"}]'],
    [', print_options: { stream_newline_delimited: true }', '{"id":"1"}\n{"id":"2"}\n'],
  ])('a stream%s', async (options, expected) => {
    const { proxy } = await rig(
      () => ({ body: [item({ id: '1' }), item({ id: '2' })], trailers: OK }),
      options,
    );
    expect(parted(await exchange(proxy.port, request('/v1/watch'))).body.toString()).toBe(expected);
  });

  test('a stream without messages', async () => {
    const { proxy } = await rig(() => ({ body: [], trailers: OK }));
    expect(parted(await exchange(proxy.port, request('/v1/watch'))).body.toString()).toBe('[]');
  });

  test.each([
    ['5', 404],
    ['7', 403],
    ['14', 503],
    ['99', 500],
  ])('status %s is %i', async (code, expected) => {
    const { proxy } = await rig(() => ({ headers: { 'grpc-status': code } }));
    expect(status(await exchange(proxy.port, request('/v1/items/1')))).toBe(expected);
  });

  test('a status with details as JSON', async () => {
    const detail = toBinary(type('Item'), create(type('Item'), { id: 'd' } as never));
    const url = Buffer.from('t/shop.v1.Item');
    const any = Buffer.concat([Buffer.from([10, url.length]), url, Buffer.from([18, detail.length]), detail]);
    const details = Buffer.concat([
      Buffer.from([8, 5, 18, 4]),
      Buffer.from('gone'),
      Buffer.from([26, any.length]),
      any,
    ]);
    const { proxy } = await rig(
      () => ({ headers: { 'grpc-status': 5, 'grpc-status-details-bin': details.toString('base64') } }),
      ', convert_grpc_status: true',
    );
    const { head, body } = parted(await exchange(proxy.port, request('/v1/items/1')));
    expect(head.slice(0, 12)).toBe('HTTP/1.1 404');
    expect(head).not.toContain('grpc-status');
    expect(JSON.parse(body.toString())).toEqual({
      code: 5,
      message: 'gone',
      details: [{ '@type': 't/shop.v1.Item', id: 'd' }],
    });
  });
});

describe('what is no descriptor', () => {
  test.each([
    ['services: [shop.v1.Shop], proto_descriptor: /no/such/file', 'Invalid path: /no/such/file'],
    ['services: [shop.v1.Shop], proto_descriptor_bin: "AAAA"', 'Unable to parse proto descriptor'],
    [`services: [shop.v1.Nothing], proto_descriptor: ${FILE}`, "Could not find 'shop.v1.Nothing'"],
  ])('%s', async (fields, message) => {
    const yaml = filterYaml({
      filters: [filter('grpc_json_transcoder', 'GrpcJsonTranscoder', fields)],
      ports: [1],
    });
    await expect(ProxyRig.fromYaml(yaml)).rejects.toThrow(message);
  });
});
