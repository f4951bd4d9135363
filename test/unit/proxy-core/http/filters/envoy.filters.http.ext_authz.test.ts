import { afterEach, describe, expect, test } from 'vitest';
import { ByteServer } from '../async-client/grpc-server.ts';
import { message, ServiceRig } from './service-rig.ts';

const request = message('auth.v3.CheckRequest');
const response = message('auth.v3.CheckResponse');
const METHOD = '/envoy.service.auth.v3.Authorization/Check';

let rig: ServiceRig | null = null;
afterEach(() => {
  rig?.close();
  rig = null;
});

const option = (key: string, value: string, more: object = {}) => ({ header: { key, value }, ...more });

/** What the real Envoy does with these answers was asked of 1.36.4 with the same service. */
const ANSWERS: Readonly<Record<string, object>> = {
  '/ok': {
    dynamicMetadata: { a: 1 },
    httpResponse: {
      case: 'okResponse',
      value: {
        headers: [
          option('x-set', 's'),
          option('x-app', 'p', { append: true }),
          option('x-act', 'q', { appendAction: 0 }),
          option('x-none', 'z', { append: true }),
        ],
        headersToRemove: ['x-del', 'host'],
        responseHeadersToAdd: [
          option('x-r', '1'),
          option('x-upstream', 'new', { appendAction: 2 }),
          option('x-missing', 'o', { appendAction: 3 }),
          option('x-c', 'c', { appendAction: 1 }),
          option('x-upstream', 'no', { appendAction: 1 }),
        ],
        queryParametersToSet: [{ key: 'b', value: '9' }],
        queryParametersToRemove: ['z'],
      },
    },
  },
  '/deny': {
    status: { code: 7 },
    httpResponse: {
      case: 'deniedResponse',
      value: {
        status: { code: 401 },
        body: 'nö',
        headers: [option('x-a', '1'), option('x-b', '2', { append: true }), option('x-a', '3')],
      },
    },
  },
  '/plain': { status: { code: 16, message: 'not you' } },
  '/split': {
    httpResponse: { case: 'okResponse', value: { headers: [option('x-set', 'a\r\nx-evil: 1')] } },
  },
};

function service(): ByteServer {
  return new ByteServer().unary(METHOD, (bytes, done) => {
    const { attributes } = request.decode(bytes) as { attributes: { request: { http: { path: string } } } };
    const path = attributes.request.http.path.replace(/\?.*/, '');
    if (path === '/slow') return;
    if (path === '/error') done({ code: 13, details: 'x' });
    else if (path === '/garbage') done(null, Buffer.from([0xff, 0xff]));
    else done(null, response.encode(ANSWERS[path] ?? {}));
  });
}

const FILTER =
  'ext_authz.v3.ExtAuthz, grpc_service: { envoy_grpc: { cluster_name: service }, timeout: 1s, initial_metadata: [{ key: x-m, value: "%REQ(x-a)%" }] }';

describe('ext_authz with a gRPC service', () => {
  test('tells the service about the request', async () => {
    rig = await ServiceRig.start(
      `${FILTER}, with_request_body: { max_request_bytes: 3, allow_partial_message: true }`,
      service(),
      {
        route:
          'route: { cluster: up }, typed_per_filter_config: { service: { "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute, check_settings: { context_extensions: { a: route } } } }',
        virtualHost:
          'typed_per_filter_config: { service: { "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute, check_settings: { context_extensions: { a: host, b: host } } } }',
      },
    );
    await rig.ask('/x?y=1', 'x-a: one\r\nx-two: 1\r\nx-two: 2\r\nx-bytes: \xe4\r\n', 'POST', 'hello');
    const seen = rig.server.seen[0];
    const { attributes } = request.decode(seen?.bytes ?? Buffer.alloc(0)) as {
      attributes: Record<string, never> & {
        request: { http: { headers: Record<string, string> } & Record<string, unknown> };
      };
    };
    expect(seen?.metadata).toMatchObject({
      'x-m': 'one',
      'x-envoy-internal': 'true',
      'x-envoy-expected-rq-timeout-ms': '1000',
    });
    expect(attributes.contextExtensions).toEqual({ a: 'route', b: 'host' });
    expect(attributes.source).toMatchObject({
      address: { address: { case: 'socketAddress', value: { address: '127.0.0.1' } } },
    });
    expect(attributes.destination).toMatchObject({
      address: { address: { value: { portSpecifier: { case: 'portValue', value: rig.rig.port } } } },
    });
    const { headers, ...http } = attributes.request.http;
    expect(http).toMatchObject({
      method: 'POST',
      path: '/x?y=1',
      host: 'a.test',
      scheme: 'http',
      protocol: 'HTTP/1.1',
      body: 'hel',
      size: 5n,
    });
    expect(headers).toMatchObject({
      ':authority': 'a.test',
      ':method': 'POST',
      ':path': '/x?y=1',
      ':scheme': 'http',
      'x-two': '1,2',
      'x-bytes': '!',
      'x-envoy-auth-partial-body': 'true',
    });
  });

  test('carries out what the service wants of request and response', async () => {
    rig = await ServiceRig.start(FILTER, service());
    const answer = await rig.ask('/ok?z=1&c=2&a=1', 'x-app: first\r\nx-act: first\r\nx-del: 1\r\n');
    expect(answer.status).toBe(200);
    expect(answer.headers).toEqual(['content-length: 2', 'x-r: 1', 'x-upstream: new', 'x-c: c']);
    const lines = rig.origin.heads[0]?.split('\r\n') ?? [];
    expect(lines[0]).toBe('GET /ok?a=1&b=9&c=2 HTTP/1.1');
    expect(lines.filter((line) => /^(host|x-(app|act|del|set|none)):/.test(line))).toEqual([
      'host: a.test',
      'x-app: first,p',
      'x-set: s',
      'x-act: q',
    ]);
    expect(answer.stream?.dynamicMetadata?.get('envoy.filters.http.ext_authz')).toMatchObject({ a: 1 });
    expect(rig.rig.counter('http.test.ext_authz.ok')).toBe(1);
    expect(rig.rig.counter('cluster.up.ext_authz.ok')).toBe(1);
  });

  test.each([
    [
      '/deny',
      401,
      ['x-a: 1', 'x-a: 3', 'content-length: 3', 'content-type: text/plain'],
      'n\xc3\xb6',
      'ext_authz_denied',
      'denied',
    ],
    ['/plain', 403, ['content-length: 0'], '', 'ext_authz_denied', 'denied'],
    ['/error', 403, ['content-length: 0'], '', 'ext_authz_error', 'error'],
    ['/garbage', 403, ['content-length: 0'], '', 'ext_authz_error', 'error'],
  ])('%s is answered with %d', async (path, status, headers, body, details, stat) => {
    rig = await ServiceRig.start(FILTER, service());
    const answer = await rig.ask(path);
    expect([answer.status, answer.headers, answer.body]).toEqual([status, headers, body]);
    expect([answer.stream?.responseFlags, answer.stream?.responseCodeDetails]).toEqual([['UAEX'], details]);
    expect(rig.rig.counter(`http.test.ext_authz.${stat}`)).toBe(1);
    expect(rig.origin.heads).toEqual([]);
  });

  test('a slow service is given up after its timeout', async () => {
    rig = await ServiceRig.start(FILTER.replace('timeout: 1s', 'timeout: 0.1s'), service());
    expect((await rig.ask('/slow')).status).toBe(403);
    expect(rig.rig.counter('cluster.service.upstream_rq_timeout')).toBe(1);
    expect(rig.rig.gauge('cluster.service.upstream_rq_active')).toBe(0);
  });

  test('what would break out of its header line is never sent on', async () => {
    rig = await ServiceRig.start(FILTER, service());
    await rig.ask('/split');
    expect(rig.origin.heads[0]).not.toContain('x-evil');
    rig.close();
    rig = await ServiceRig.start(`${FILTER}, validate_mutations: true`, service());
    const answer = await rig.ask('/split');
    expect([answer.status, answer.stream?.responseCodeDetails]).toEqual([500, 'ext_authz_invalid']);
  });

  test('rules limit what the service may change', async () => {
    const rules = 'decoder_header_mutation_rules: { disallow_expression: { regex: x-s.* } }';
    rig = await ServiceRig.start(`${FILTER}, ${rules}`, service());
    expect((await rig.ask('/ok')).status).toBe(200);
    expect(rig.origin.heads[0]).not.toContain('x-set');
    expect(rig.origin.heads[0]).toContain('x-act: q');
    rig.close();
    rig = await ServiceRig.start(
      `${FILTER}, ${rules.replace(' }', ' }, disallow_is_error: true')}`,
      service(),
    );
    const answer = await rig.ask('/ok');
    expect([answer.status, answer.stream?.responseCodeDetails]).toEqual([500, 'ext_authz_invalid']);
  });

  test('raw headers go line by line, as bytes', async () => {
    rig = await ServiceRig.start(`${FILTER}, encode_raw_headers: true`, service());
    await rig.ask('/x', 'x-two: 1\r\nx-two: \xe4\r\n');
    const { attributes } = request.decode(rig.server.seen[0]?.bytes ?? Buffer.alloc(0)) as {
      attributes: {
        request: {
          http: {
            headers: object;
            headerMap: { headers: { key: string; rawValue: Uint8Array }[] };
          };
        };
      };
    };
    const { headers, headerMap } = attributes.request.http;
    const two = headerMap.headers.filter(({ key }) => key === 'x-two');
    expect(headers).toEqual({});
    expect(two.map(({ rawValue }) => Buffer.from(rawValue).toString('latin1'))).toEqual(['1', '\xe4']);
  });

  test('a dead service is one event, whatever the number of requests, and the record says what was asked', async () => {
    rig = await ServiceRig.start(FILTER, service(), { dead: true });
    const answers = [await rig.ask('/ok'), await rig.ask('/ok')];
    expect(answers.map((each) => each.status)).toEqual([403, 403]);
    expect(rig.events).toEqual([
      'service-failed: service gets no answer from cluster service: remote connection failure, delayed connect error: Connection refused. Requests are answered with 403.',
    ]);
    expect(answers[0]?.stream?.serviceNotes?.[0]).toMatch(
      /^`service` asked cluster service: no answer \(remote connection failure, .*\), after \d+ ms$/,
    );
  });
});
