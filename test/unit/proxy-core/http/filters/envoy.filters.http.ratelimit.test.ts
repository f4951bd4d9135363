import { afterEach, describe, expect, test } from 'vitest';
import { ByteServer } from '../async-client/grpc-server.ts';
import { message, ServiceRig } from './service-rig.ts';

const request = message('ratelimit.v3.RateLimitRequest');
const response = message('ratelimit.v3.RateLimitResponse');

let rig: ServiceRig | null = null;
afterEach(() => {
  rig?.close();
  rig = null;
});

/** Over the limit for paths with `over`, an error for those with `fail`. */
function service(): ByteServer {
  return new ByteServer().unary(
    '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit',
    (bytes, done) => {
      const text = bytes.toString('latin1');
      if (text.includes('slow')) return;
      if (text.includes('fail')) {
        done({ code: 14, details: 'no' });
        return;
      }
      const over = text.includes('over');
      done(
        null,
        response.encode({
          overallCode: over ? 2 : 1,
          statuses: [
            {
              code: over ? 2 : 1,
              currentLimit: { requestsPerUnit: 4, unit: 2, name: 'nm' },
              limitRemaining: 3,
              durationUntilReset: { seconds: 42n },
            },
            {
              code: 1,
              currentLimit: { requestsPerUnit: 2, unit: 1 },
              limitRemaining: 5,
              durationUntilReset: { seconds: 2n },
            },
          ],
          responseHeadersToAdd: [{ key: 'x-rl', value: 'v' }],
          requestHeadersToAdd: [{ key: 'x-rq', value: 'w' }],
          dynamicMetadata: { q: 'm' },
          rawBody: Buffer.from(over ? 'calm down' : ''),
        }),
      );
    },
  );
}

const FILTER =
  'ratelimit.v3.RateLimit, domain: dom, timeout: 1s, rate_limit_service: { transport_api_version: V3, grpc_service: { envoy_grpc: { cluster_name: service } } }';
const BY_PATH =
  'rate_limits: [{ actions: [{ request_headers: { header_name: ":path", descriptor_key: path } }] }]';
const ROUTE = `route: { cluster: up, ${BY_PATH} }`;

const asked = (): unknown[] =>
  (rig?.server.seen ?? []).map(({ bytes }) => {
    const { domain, descriptors } = request.decode(bytes) as {
      domain: string;
      descriptors: { entries: { key: string; value: string }[] }[];
    };
    return [
      domain,
      ...descriptors.map(({ entries }) => entries.map(({ key, value }) => `${key}=${value}`).join(',')),
    ];
  });

/** What the real Envoy does with these answers was asked of 1.36.4 with the same service. */
describe('ratelimit', () => {
  test('below the limit the request goes on, with the headers of the service', async () => {
    rig = await ServiceRig.start(`${FILTER}, enable_x_ratelimit_headers: DRAFT_VERSION_03`, service(), {
      route: ROUTE,
    });
    const answer = await rig.ask('/fine');
    expect(answer.status).toBe(200);
    expect(answer.headers.slice(2)).toEqual([
      'x-rl: v',
      'x-ratelimit-limit: 4, 4;w=60;name="nm", 2;w=1',
      'x-ratelimit-remaining: 3',
      'x-ratelimit-reset: 42',
    ]);
    expect(rig.origin.heads[0]).toContain('x-rq: w');
    expect(answer.stream?.dynamicMetadata?.get('envoy.filters.http.ratelimit')).toEqual({ q: 'm' });
    expect(asked()).toEqual([['dom', 'path=/fine']]);
    expect(rig.rig.counter('cluster.up.ratelimit.ok')).toBe(1);
  });

  test('over the limit it is answered with 429', async () => {
    rig = await ServiceRig.start(
      `${FILTER}, enable_x_ratelimit_headers: DRAFT_VERSION_03, response_headers_to_add: [{ header: { key: x-cfg, value: "%REQ(x-a)%" } }]`,
      service(),
      { route: ROUTE },
    );
    const answer = await rig.ask('/over', 'x-a: b\r\n');
    expect(answer).toMatchObject({
      status: 429,
      headers: [
        'x-rl: v',
        'x-envoy-ratelimited: true',
        'x-ratelimit-limit: 4, 4;w=60;name="nm", 2;w=1',
        'x-ratelimit-remaining: 3',
        'x-ratelimit-reset: 42',
        'x-cfg: b',
        'content-length: 9',
        'content-type: text/plain',
      ],
      body: 'calm down',
    });
    expect([answer.stream?.responseFlags, answer.stream?.responseCodeDetails]).toEqual([
      ['RL'],
      'request_rate_limited',
    ]);
    expect(rig.rig.counter('cluster.up.ratelimit.over_limit')).toBe(1);
    expect(rig.rig.counter('cluster.up.internal.upstream_rq_429')).toBe(1);
    expect(rig.origin.heads).toEqual([]);
  });

  test.each([
    ['', '', 'grpc-status: 14'],
    [', rate_limited_as_resource_exhausted: true', '', 'grpc-status: 8'],
  ])('a gRPC client over the limit%s is told so', async (more, _none, status) => {
    rig = await ServiceRig.start(FILTER + more, service(), { route: ROUTE });
    const answer = await rig.ask('/over', 'content-type: application/grpc\r\n');
    expect(answer.headers).toContain(status);
  });

  test.each([
    ['', 429, true],
    [', rate_limited_status: { code: ServiceUnavailable }', 503, true],
    [', rate_limited_status: { code: OK }', 429, true],
    [', disable_x_envoy_ratelimited_header: true', 429, false],
  ])('settings of the answer%s', async (more, status, marked) => {
    rig = await ServiceRig.start(FILTER + more, service(), { route: ROUTE });
    const answer = await rig.ask('/over');
    expect([answer.status, answer.headers.includes('x-envoy-ratelimited: true')]).toEqual([status, marked]);
  });

  test.each([
    ['/fail', '', 200, [], 'via_upstream', 'failure_mode_allowed'],
    ['/fail', ', failure_mode_deny: true', 500, ['RLSE'], 'rate_limiter_error', 'error'],
    [
      '/fail',
      ', failure_mode_deny: true, status_on_error: { code: BadGateway }',
      502,
      ['RLSE'],
      'rate_limiter_error',
      'error',
    ],
    ['/slow', ', failure_mode_deny: true, timeout: 0.1s', 500, ['RLSE'], 'rate_limiter_error', 'error'],
  ])('a service that does not answer: %s%s', async (path, more, status, flags, details, stat) => {
    const filter = more.includes('timeout') ? FILTER.replace(', timeout: 1s', '') : FILTER;
    rig = await ServiceRig.start(filter + more, service(), { route: ROUTE });
    const answer = await rig.ask(path);
    expect([answer.status, answer.stream?.responseFlags, answer.stream?.responseCodeDetails]).toEqual([
      status,
      flags,
      details,
    ]);
    expect(rig.rig.counter(`cluster.up.ratelimit.${stat}`)).toBe(1);
    expect(rig.events).toHaveLength(1);
  });

  const OUTER = 'rate_limits: [{ actions: [{ generic_key: { descriptor_value: outer } }] }]';
  const perRoute = (more: string): string =>
    `typed_per_filter_config: { service: { "@type": type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute, ${more} } }`;
  test.each([
    ['the route alone', ROUTE, '', [['dom', 'path=/']]],
    ['the route before its virtual host', ROUTE, OUTER, [['dom', 'path=/']]],
    [
      'the virtual host where the route has none',
      'route: { cluster: up }',
      OUTER,
      [['dom', 'generic_key=outer']],
    ],
    [
      'both by the route',
      `route: { cluster: up, ${BY_PATH}, include_vh_rate_limits: true }`,
      OUTER,
      [['dom', 'path=/', 'generic_key=outer']],
    ],
    [
      'both by the filter settings',
      `${ROUTE}, ${perRoute('vh_rate_limits: INCLUDE')}`,
      OUTER,
      [['dom', 'path=/', 'generic_key=outer']],
    ],
    ['neither', `route: { cluster: up }, ${perRoute('vh_rate_limits: IGNORE')}`, OUTER, []],
    ['another domain', `${ROUTE}, ${perRoute('domain: own')}`, '', [['own', 'path=/']]],
    [
      'another stage',
      `route: { cluster: up, rate_limits: [{ stage: 1, actions: [{ remote_address: {} }] }] }`,
      '',
      [],
    ],
  ])('descriptors of %s', async (_what, route, virtualHost, wanted) => {
    rig = await ServiceRig.start(FILTER, service(), { route, virtualHost });
    expect((await rig.ask('/')).status).toBe(200);
    expect(asked()).toEqual(wanted);
  });

  test('request_type picks who is counted', async () => {
    rig = await ServiceRig.start(`${FILTER}, request_type: internal`, service(), { route: ROUTE });
    expect((await rig.ask('/over')).status).toBe(200);
    expect(asked()).toEqual([]);
  });
});
