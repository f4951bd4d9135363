import { afterEach, describe, expect, test } from 'vitest';
import { Client, exchange, Origin, ProxyRig, request, status } from './data-path-rig.ts';
import { filter, filterYaml, parted } from './filters/filter-rig.ts';
import { frame, GrpcOrigin, HTTP2_CLUSTER } from './filters/grpc-rig.ts';

const close: (() => void)[] = [];
afterEach(() => {
  for (const each of close.splice(0)) each();
});

const LIBRARY = 'type.googleapis.com/envoy.extensions.compression.gzip.compressor.v3.Gzip';
const GZIP = filter(
  'compressor',
  'Compressor',
  `compressor_library: { name: l, typed_config: { "@type": ${LIBRARY} } }`,
);
const POLICY =
  'type.googleapis.com/envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy';
const INPUT = 'type.googleapis.com/envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput';
const customResponse = (body: string): string =>
  filter(
    'custom_response',
    'CustomResponse',
    `custom_response_matcher: { matcher_list: { matchers: [{ predicate: { single_predicate: { input: { name: i, typed_config: { "@type": ${INPUT} } }, value_match: { exact: "500" } } }, on_match: { action: { name: a, typed_config: { "@type": ${POLICY}, body: { inline_string: "${body}" } } } } }] } }`,
  );
const ADDS = filter(
  'header_mutation',
  'HeaderMutation',
  'mutations: { response_mutations: [{ append: { header: { key: x-seen, value: "%RESPONSE_CODE%" } } }] }',
);
const CORS_ROUTE = `- match: { prefix: / }
  route: { cluster: origin }
  typed_per_filter_config:
    envoy.filters.http.cors:
      "@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy
      allow_origin_string_match: [{ exact: "http://a.test" }]`;

async function rig(
  filters: string[],
  handle: ConstructorParameters<typeof Origin>[0],
  options: { routes?: string; limit?: number } = {},
) {
  const origin = new Origin(handle);
  await origin.listen();
  const { routes, limit } = options;
  const yaml = filterYaml({ filters, ports: [origin.port], ...(routes === undefined ? {} : { routes }) });
  const limited =
    limit === undefined
      ? yaml
      : yaml.replace('  - name: main\n', `  - name: main\n    per_connection_buffer_limit_bytes: ${limit}\n`);
  const proxy = await ProxyRig.fromYaml(limited);
  close.push(
    () => proxy.close(),
    () => origin.close(),
  );
  return { origin, proxy };
}

const answer = (body: string, head = '200 OK'): string =>
  `HTTP/1.1 ${head}\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

describe('an answer from the middle of the chain', () => {
  test('goes back through the filters, those after it as well', async () => {
    const fault = filter('fault', 'HTTPFault', 'abort: { http_status: 418, percentage: { numerator: 100 } }');
    const { origin, proxy } = await rig(
      [filter('cors', 'Cors'), fault, ADDS],
      (_head, socket) => socket.write(answer('never')),
      { routes: CORS_ROUTE },
    );
    const got = await exchange(proxy.port, request('/', 'origin: http://a.test\r\n'));
    expect(status(got)).toBe(418);
    expect(got).toContain('access-control-allow-origin: http://a.test');
    expect(got).toContain('x-seen:');
    expect(origin.heads).toEqual([]);
  });

  test('after a delay too', async () => {
    const fault = filter(
      'fault',
      'HTTPFault',
      'delay: { fixed_delay: 0.02s, percentage: { numerator: 100 } }, abort: { http_status: 503, percentage: { numerator: 100 } }',
    );
    const { proxy } = await rig(
      [filter('cors', 'Cors'), fault],
      (_head, socket) => socket.write(answer('never')),
      {
        routes: CORS_ROUTE,
      },
    );
    const got = await exchange(proxy.port, request('/', 'origin: http://a.test\r\n'));
    expect(status(got)).toBe(503);
    expect(got).toContain('access-control-allow-origin');
    expect(proxy.streams[0]?.responseFlags).toEqual(['DI', 'FI']);
  });

  test('from the response side takes the place of the response, past all filters', async () => {
    const { proxy } = await rig([GZIP, ADDS, customResponse('sorry '.repeat(100))], (_head, socket) =>
      socket.write(answer('sick', '500 No')),
    );
    const got = parted(await exchange(proxy.port, request('/', 'accept-encoding: gzip\r\n')));
    expect(got.body.toString()).toBe('sorry '.repeat(100));
    expect(got.head).not.toContain('content-encoding');
    expect(got.head).not.toContain('x-seen');
    expect(proxy.counter('http.test.downstream_rq_5xx')).toBe(1);
  });
});

describe('bodies that wait', () => {
  const body = 'b'.repeat(1_500_000);

  test('more than the listener keeps, for a filter that announced it', async () => {
    const { proxy } = await rig(
      [filter('buffer', 'Buffer', 'max_request_bytes: 2000000')],
      (head, socket, got) => socket.write(answer(`${got.length} ${/content-length: (\d+)/.exec(head)?.[1]}`)),
    );
    const client = new Client(proxy.port);
    close.push(() => client.destroy());
    client.send(request('/', 'transfer-encoding: chunked\r\n', 'POST'));
    client.send(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
    const got = parted(await client.until((_text, ended) => ended));
    expect(got.body.toString()).toBe('1500000 1500000');
  });

  test('behind a delay: the client is held back, then all of it arrives', async () => {
    const fault = filter(
      'fault',
      'HTTPFault',
      'delay: { fixed_delay: 0.2s, percentage: { numerator: 100 } }',
    );
    const { proxy } = await rig([fault], (_head, socket, got) => socket.write(answer(String(got.length))), {
      limit: 10_000,
    });
    const client = new Client(proxy.port);
    close.push(() => client.destroy());
    client.send(request('/', `content-length: ${body.length}\r\n`, 'POST', body));
    const got = parted(await client.until((_text, ended) => ended));
    expect(got.body.toString()).toBe('1500000');
  });

  test('a response that a filter needs whole and that is too large is 500', async () => {
    const origin = new GrpcOrigin(() => ({
      body: [frame('x'.repeat(30_000))],
      trailers: { 'grpc-status': '0' },
    }));
    await origin.listen();
    const yaml = filterYaml({
      filters: [filter('grpc_http1_bridge', 'Config')],
      ports: [origin.port],
      cluster: HTTP2_CLUSTER,
    });
    const proxy = await ProxyRig.fromYaml(
      yaml.replace('  - name: main\n', '  - name: main\n    per_connection_buffer_limit_bytes: 10000\n'),
    );
    close.push(
      () => proxy.close(),
      () => origin.close(),
    );
    const got = await exchange(
      proxy.port,
      request('/s/m', 'content-type: application/grpc\r\ncontent-length: 5\r\n', 'POST', '\0\0\0\0\0'),
    );
    // A gRPC client is told in headers.
    expect(got).toContain('grpc-status: ');
    expect(proxy.streams[0]?.responseCodeDetails).toBe('response_payload_too_large');
  });
});

describe('bodies that change', () => {
  test('their length is not told any more, and a second filter sees the new ones', async () => {
    const { proxy } = await rig([GZIP, filter('grpc_stats', 'FilterConfig'), ADDS], (_head, socket) =>
      socket.write(answer('text '.repeat(200))),
    );
    const got = parted(await exchange(proxy.port, request('/', 'accept-encoding: gzip\r\n')));
    expect(got.head).toContain('x-seen: 200');
    expect(got.head).toContain('transfer-encoding: chunked');
    expect(got.head).not.toContain('content-length');
  });
});
