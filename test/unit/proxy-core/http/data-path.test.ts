import { afterEach, describe, expect, test } from 'vitest';
import {
  Client,
  eventually,
  exchange,
  Origin,
  type ProxyOptions,
  ProxyRig,
  request,
  status,
} from './data-path-rig.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const reply = (code: number, body: string, headers = ''): string =>
  `HTTP/1.1 ${code} X\r\n${headers}content-length: ${body.length}\r\n\r\n${body}`;

async function start(
  options: ProxyOptions,
  handle: ConstructorParameters<typeof Origin>[0] = (_head, socket) => socket.write(reply(200, 'ok')),
): Promise<{ rig: ProxyRig; origin: Origin }> {
  const origin = new Origin(handle);
  await origin.listen();
  const rig = await ProxyRig.start(options, [origin.port]);
  closers.push(
    () => rig.close(),
    () => origin.close(),
  );
  return { rig, origin };
}

const TO_ORIGIN = '- { match: { prefix: "/" }, route: { cluster: origin } }';

/** Every gauge that counts live things is back at zero. */
function quiet(rig: ProxyRig): boolean {
  return [
    'http.test.downstream_rq_active',
    'cluster.origin.upstream_rq_active',
    'cluster.origin.upstream_rq_pending_active',
  ].every((name) => rig.gauge(name) === 0);
}

describe('a proxied request', () => {
  test('what the origin sees and what the client gets', async () => {
    const { rig, origin } = await start({ routes: TO_ORIGIN }, (_head, socket) =>
      socket.write(reply(200, 'hello', 'Server: x\r\nKeep-Alive: 3\r\nX-A: b\r\n')),
    );
    const answer = await exchange(rig.port, request('/x?y', 'X-Up: 1\r\nkeep-alive: 3\r\n'));
    expect(origin.heads[0]).toMatch(
      /^GET \/x\?y HTTP\/1\.1\r\nhost: a\.test\r\nx-up: 1\r\nx-forwarded-proto: http\r\nx-request-id: [0-9a-f-]{36}\r\nx-envoy-expected-rq-timeout-ms: 15000$/,
    );
    expect(answer.replace(/date: [^\r]*/, 'date: D').replace(/time: \d+/, 'time: N')).toBe(
      'HTTP/1.1 200 OK\r\nserver: envoy\r\nx-a: b\r\ncontent-length: 5\r\nx-envoy-upstream-service-time: N\r\n' +
        'x-envoy-attempt-count: 1\r\ndate: D\r\nconnection: close\r\n\r\nhello',
    );
    await eventually(() => rig.streams.length === 1);
    expect(rig.streams[0]).toMatchObject({
      responseCode: 200,
      responseCodeDetails: 'via_upstream',
      responseFlags: [],
      bytesReceived: 0,
      bytesSent: 5,
      clusterName: 'origin',
      routeConfigName: 'r',
      virtualHostName: 'v',
      localReply: false,
    });
    expect(quiet(rig)).toBe(true);
  });

  test('connections to the origin are reused, the newest idle one first', async () => {
    const { rig, origin } = await start({ routes: TO_ORIGIN });
    const client = new Client(rig.port);
    for (let i = 1; i <= 5; i++) {
      client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
      await client.until((text) => text.split('\r\n\r\nok').length === i + 1);
    }
    client.destroy();
    expect(origin.connections).toBe(1);
    expect(rig.counter('cluster.origin.upstream_rq_total')).toBe(5);
    expect(rig.counter('cluster.origin.upstream_cx_total')).toBe(1);
  });

  test('a pipeline is answered in order', async () => {
    const { rig } = await start({ routes: TO_ORIGIN }, (head, socket) => {
      const path = head.split(' ')[1] as string;
      setTimeout(() => socket.write(reply(200, path)), path === '/1' ? 30 : 1);
    });
    const client = new Client(rig.port);
    client.send([1, 2, 3].map((n) => `GET /${n} HTTP/1.1\r\nhost: a\r\n\r\n`).join(''));
    const text = await client.until((all) => all.endsWith('/3'));
    expect(text.match(/(?<=\r\n\r\n)\/\d/g)).toEqual(['/1', '/2', '/3']);
    client.destroy();
  });

  test('a large body goes both ways whole, through a slow reader', async () => {
    const size = 8 * 1024 * 1024;
    const { rig } = await start({ routes: TO_ORIGIN }, (_head, socket, body) => {
      socket.write(reply(200, body));
    });
    const body = Buffer.alloc(size, 'abcdefghij').toString('latin1');
    const client = new Client(rig.port);
    client.raw.pause();
    client.send(request('/', `content-length: ${size}\r\n`, 'POST', body));
    setTimeout(() => client.raw.resume(), 150);
    const text = await client.until((_text, ended) => ended);
    expect(text.length - text.indexOf('\r\n\r\n') - 4).toBe(size);
    expect(text.endsWith(body.slice(-1000))).toBe(true);
    client.destroy();
    await eventually(() => rig.streams.length === 1);
    expect(rig.streams[0]).toMatchObject({ bytesReceived: size, bytesSent: size });
  });

  test('Expect: 100-continue is answered by the proxy', async () => {
    const { rig, origin } = await start({ routes: TO_ORIGIN });
    const client = new Client(rig.port);
    client.send('POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n');
    await client.until((text) => text === 'HTTP/1.1 100 Continue\r\n\r\n');
    client.send('abc');
    await client.until((text) => text.endsWith('ok'));
    expect(origin.heads[0]).not.toContain('\r\nexpect:');
    client.destroy();
  });

  test('a client that leaves cancels its upstream request', async () => {
    const { rig, origin } = await start({ routes: TO_ORIGIN }, () => {});
    const client = new Client(rig.port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await eventually(() => origin.heads.length === 1);
    client.destroy();
    await eventually(() => origin.open === 0 && rig.streams.length === 1);
    expect(rig.streams[0]).toMatchObject({
      responseCode: 0,
      responseFlags: ['DC'],
      responseCodeDetails: 'downstream_remote_disconnect',
    });
    expect(quiet(rig)).toBe(true);
    expect(rig.counter('cluster.origin.upstream_rq_tx_reset')).toBe(0);
    expect(rig.counter('cluster.origin.upstream_cx_destroy_local_with_active_rq')).toBe(1);
    expect(rig.gauge('cluster.origin.upstream_cx_active')).toBe(0);
  });

  test('an upgrade becomes a tunnel', async () => {
    const { rig } = await start(
      { routes: TO_ORIGIN, hcm: 'upgrade_configs: [{ upgrade_type: websocket }]' },
      (_head, socket) => {
        socket.write('HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nhello');
        socket.removeAllListeners('data');
        socket.on('data', (chunk) => socket.write(`<${chunk.toString()}>`));
      },
    );
    const client = new Client(rig.port);
    client.send('GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: WebSocket\r\n\r\n');
    await client.until((text) => text.endsWith('hello'));
    client.send('ping');
    await client.until((text) => text.endsWith('<ping>'));
    client.destroy();
    await eventually(() => rig.streams.length === 1);
    expect(rig.streams[0]).toMatchObject({
      responseCode: 101,
      responseFlags: ['DC'],
      bytesReceived: 4,
      bytesSent: 11,
    });
  });
});

describe('answers of the proxy itself', () => {
  const ROUTES = `
- { match: { prefix: "/none" }, route: { cluster: empty } }
- { match: { prefix: "/direct" }, direct_response: { status: 203, body: { inline_string: hi } } }
- { match: { prefix: "/redirect" }, redirect: { path_redirect: /to } }
- { match: { prefix: "/slow" }, route: { cluster: origin, timeout: 0.05s } }
- { match: { prefix: "/idle" }, route: { cluster: origin, idle_timeout: 0.05s } }
- { match: { prefix: "/long" }, route: { cluster: origin, max_stream_duration: { max_stream_duration: 0.05s } } }
- { match: { prefix: "/origin" }, route: { cluster: origin } }`;
  const RESET = 'upstream connect error or disconnect/reset before headers. reset reason: ';
  const origin = (head: string, socket: import('node:net').Socket): void => {
    const path = head.split(' ')[1] as string;
    if (path === '/origin/close') socket.destroy();
    else if (path === '/origin/bad') socket.write('HTTQ/1.1 200 OK\r\n\r\n');
    else if (path === '/origin/half') socket.end('HTTP/1.1 200 OK\r\nconte');
  };
  test.each([
    ['/nothing', 404, '', 'NR', 'route_not_found'],
    ['/none', 503, 'no healthy upstream', 'UH', 'no_healthy_upstream'],
    ['/direct', 203, 'hi', '', 'direct_response'],
    ['/redirect', 301, '', '', 'direct_response'],
    ['/slow', 504, 'upstream request timeout', 'UT', 'response_timeout'],
    ['/idle', 504, 'stream timeout', 'SI', 'stream_idle_timeout'],
    ['/long', 504, 'downstream duration timeout', '', 'max_duration_timeout'],
    [
      '/origin/close',
      503,
      `${RESET}connection termination`,
      'UC',
      'upstream_reset_before_response_started{connection_termination}',
    ],
    [
      '/origin/bad',
      502,
      `${RESET}protocol error`,
      'UPE',
      'upstream_reset_before_response_started{protocol_error}',
    ],
    [
      '/origin/half',
      502,
      `${RESET}protocol error`,
      'UPE',
      'upstream_reset_before_response_started{protocol_error}',
    ],
  ])('%s', async (path, code, body, flags, details) => {
    const { rig } = await start({ routes: ROUTES }, origin);
    const answer = await exchange(rig.port, request(path));
    expect(status(answer)).toBe(code);
    expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toBe(body);
    await eventually(() => rig.streams.length === 1 && quiet(rig));
    expect(rig.streams[0]?.responseFlags.join()).toBe(flags);
    expect(rig.streams[0]?.responseCodeDetails).toBe(details);
  });

  test('a refused connection', async () => {
    const { rig, origin } = await start({ routes: TO_ORIGIN });
    origin.close();
    const answer = await exchange(rig.port, request('/'));
    expect(answer).toContain(
      `\r\n\r\n${RESET}remote connection failure, transport failure reason: delayed connect error: Connection refused`,
    );
    expect(rig.streams[0]).toMatchObject({
      responseFlags: ['UF'],
      responseCodeDetails:
        'upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}',
    });
    expect(rig.counter('cluster.origin.upstream_cx_connect_fail')).toBe(1);
    expect(rig.counter('cluster.origin.upstream_rq_pending_failure_eject')).toBe(1);
    expect(rig.counter('cluster.origin.upstream_rq_total')).toBe(0);
    expect(rig.counter('cluster.origin.upstream_rq_503')).toBe(1);
  });

  test('gRPC requests get a status in headers', async () => {
    const { rig } = await start({ routes: ROUTES });
    const answer = await exchange(
      rig.port,
      request('/none', 'content-type: application/grpc\r\ncontent-length: 0\r\n', 'POST'),
    );
    expect(answer).toContain(
      'HTTP/1.1 200 OK\r\nx-envoy-attempt-count: 1\r\ncontent-type: application/grpc\r\ngrpc-status: 14\r\ngrpc-message: no healthy upstream\r\n',
    );
  });

  test('a response cut by the origin cuts the client', async () => {
    const { rig } = await start({ routes: TO_ORIGIN }, (_head, socket) =>
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc'),
    );
    const answer = await exchange(rig.port, request('/'));
    expect(answer.endsWith('abc')).toBe(true);
    expect(rig.streams[0]).toMatchObject({
      responseCode: 200,
      responseFlags: ['UPE'],
      responseCodeDetails: 'upstream_reset_after_response_started{protocol_error}',
    });
  });

  test.each([
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400, 'missing_host_header', ''],
    ['a fragment', 'GET /#x HTTP/1.1\r\nhost: a\r\n\r\n', 400, 'path_normalization_failed', ''],
    ['a codec error', 'asdf\r\n\r\n', 400, 'http1.codec_error', 'DPE'],
    [
      'an upgrade that is not enabled',
      'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
      403,
      'upgrade_failed',
      '',
    ],
  ])('%s', async (_name, text, code, details, flags) => {
    const { rig } = await start({ routes: TO_ORIGIN });
    const answer = await exchange(rig.port, text);
    expect(status(answer)).toBe(code);
    expect(answer).toContain('connection: close\r\n');
    expect(rig.streams[0]?.responseCodeDetails).toBe(details);
    expect(rig.streams[0]?.responseFlags.join()).toBe(flags);
  });

  test('a head that never ends', async () => {
    const { rig } = await start({ routes: TO_ORIGIN, hcm: 'request_headers_timeout: 0.05s' });
    const answer = await exchange(rig.port, 'GET / HTTP/1.1\r\n');
    expect(status(answer)).toBe(408);
    expect(answer.endsWith('request header timeout')).toBe(true);
  });
});

describe('retries', () => {
  const retry = (policy: string, more = ''): string =>
    `- { match: { prefix: "/" }, route: { cluster: origin, ${more} retry_policy: { ${policy} } } }`;

  test('a 503 is tried again with the body until it succeeds', async () => {
    let calls = 0;
    const { rig, origin } = await start(
      { routes: retry('retry_on: "5xx", num_retries: 3') },
      (_head, socket, body) => socket.write(++calls < 3 ? reply(503, '') : reply(200, body)),
    );
    const answer = await exchange(rig.port, request('/', 'content-length: 5\r\n', 'POST', 'again'));
    expect(answer).toContain('x-envoy-attempt-count: 3');
    expect(answer.endsWith('again')).toBe(true);
    expect(origin.heads).toHaveLength(3);
    expect(rig.streams[0]).toMatchObject({ responseCode: 200, responseFlags: [] });
    expect(rig.streams[0]?.attempts.map((attempt) => attempt.status)).toEqual([503, 503, 200]);
    expect(rig.counter('cluster.origin.upstream_rq_retry')).toBe(2);
    expect(rig.counter('cluster.origin.upstream_rq_retry_success')).toBe(1);
    expect(rig.counter('cluster.origin.retry.upstream_rq_503')).toBe(2);
    await eventually(() => quiet(rig));
  });

  test('retries run out: the last answer and URX', async () => {
    const { rig, origin } = await start(
      { routes: retry('retry_on: "5xx", num_retries: 1') },
      (_head, socket) => socket.write(reply(503, 'no')),
    );
    const answer = await exchange(rig.port, request('/'));
    expect(answer.endsWith('no')).toBe(true);
    expect(origin.heads).toHaveLength(2);
    expect(rig.streams[0]).toMatchObject({ responseFlags: ['URX'], responseCodeDetails: 'via_upstream' });
    expect(rig.counter('cluster.origin.upstream_rq_retry_limit_exceeded')).toBe(1);
  });

  test('connect failures', async () => {
    const { rig, origin } = await start({ routes: retry('retry_on: connect-failure, num_retries: 2') });
    origin.close();
    const answer = await exchange(rig.port, request('/'));
    expect(answer).toContain(
      'before headers. retried and the latest reset reason: remote connection failure',
    );
    expect(rig.streams[0]?.responseFlags).toEqual(['URX', 'UF']);
    expect(rig.streams[0]?.attempts).toHaveLength(3);
  });

  test('a slow try is given up and tried again', async () => {
    let calls = 0;
    const { rig } = await start(
      { routes: retry('retry_on: "5xx", per_try_timeout: 0.05s') },
      (_head, socket) => {
        if (++calls > 1) socket.write(reply(200, 'second'));
      },
    );
    const answer = await exchange(rig.port, request('/'));
    expect(answer.endsWith('second')).toBe(true);
    expect(rig.counter('cluster.origin.upstream_rq_per_try_timeout')).toBe(1);
  });

  test('too many retries at once: UO', async () => {
    const { rig } = await start(
      {
        routes: retry('retry_on: "5xx"'),
        cluster: 'type: STATIC\ncircuit_breakers: { thresholds: [{ max_retries: 0 }] }',
      },
      (_head, socket) => socket.write(reply(503, 'no')),
    );
    await exchange(rig.port, request('/'));
    expect(rig.streams[0]).toMatchObject({ responseCode: 503, responseFlags: ['UO'] });
    expect(rig.counter('cluster.origin.upstream_rq_retry_overflow')).toBe(1);
  });
});

describe('circuit breakers', () => {
  test('pending: the request that would have to wait is refused', async () => {
    const { rig } = await start({
      routes: TO_ORIGIN,
      cluster: 'type: STATIC\ncircuit_breakers: { thresholds: [{ max_pending_requests: 0 }] }',
    });
    const answer = await exchange(rig.port, request('/'));
    expect(answer).toContain('x-envoy-overloaded: true');
    expect(answer.endsWith('reset reason: overflow')).toBe(true);
    expect(rig.streams[0]).toMatchObject({ responseFlags: ['UO'], upstreamHost: '' });
    expect(rig.counter('cluster.origin.upstream_rq_pending_overflow')).toBe(1);
  });

  test('connections: one waits for the other', async () => {
    const { rig, origin } = await start(
      {
        routes: TO_ORIGIN,
        cluster: 'type: STATIC\ncircuit_breakers: { thresholds: [{ max_connections: 1 }] }',
      },
      (_head, socket) => setTimeout(() => socket.write(reply(200, 'ok')), 20),
    );
    const answers = await Promise.all([1, 2, 3].map(() => exchange(rig.port, request('/'))));
    expect(answers.map(status)).toEqual([200, 200, 200]);
    expect(origin.connections).toBe(1);
    expect(rig.counter('cluster.origin.upstream_cx_overflow')).toBeGreaterThan(0);
  });

  test('requests: the second is refused, with its host in the log', async () => {
    const { rig, origin } = await start(
      { routes: TO_ORIGIN, cluster: 'type: STATIC\ncircuit_breakers: { thresholds: [{ max_requests: 1 }] }' },
      () => {},
    );
    const first = new Client(rig.port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await eventually(() => origin.heads.length === 1);
    const answer = await exchange(rig.port, request('/'));
    expect(status(answer)).toBe(503);
    expect(rig.streams[0]?.upstreamHost).not.toBe('');
    first.destroy();
  });
});

describe('a listener', () => {
  test('an update: new streams of an existing connection see the new routes, the running one its own', async () => {
    let release: (() => void) | null = null;
    const { rig, origin } = await start({ routes: TO_ORIGIN }, (_head, socket) => {
      release = () => socket.write(reply(200, 'old'));
    });
    const client = new Client(rig.port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await eventually(() => origin.heads.length === 1);
    rig.update(
      {
        routes:
          '- { match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: new } } }',
      },
      [origin.port],
    );
    (release as (() => void) | null)?.();
    await client.until((text) => text.endsWith('old'));
    client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await client.until((text) => text.endsWith('new'));
    expect(rig.streams.map((info) => info.snapshotVersion)).toEqual([1, 2]);
    client.destroy();
  });

  test('an address in use is an error with a code', async () => {
    const { rig } = await start({ routes: TO_ORIGIN });
    const { Listener } = await import('../../../../proxy-core/listener/index.ts');
    const taken = new Listener(
      {
        ...rig.listener.config,
        binds: [{ ip: '127.0.0.1', port: rig.port, ipv6Only: false, mode: 0 }],
      },
      (rig as unknown as { path: ConstructorParameters<typeof Listener>[1] }).path,
      {} as ConstructorParameters<typeof Listener>[2],
    );
    await expect(taken.listen()).rejects.toMatchObject({ code: 'listener.address-in-use' });
  });

  test('drain: idle connections end, busy ones after their answer', async () => {
    const { rig, origin } = await start({ routes: TO_ORIGIN }, (_head, socket) =>
      setTimeout(() => socket.write(reply(200, 'ok')), 30),
    );
    const idle = new Client(rig.port);
    const busy = new Client(rig.port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await eventually(() => origin.heads.length === 1 && rig.listener.activeConnections === 2);
    rig.listener.drain();
    await idle.until((_text, ended) => ended);
    const text = await busy.until((_text, ended) => ended);
    expect(text).toContain('connection: close');
    expect(text.endsWith('ok')).toBe(true);
    idle.destroy();
    busy.destroy();
    await eventually(() => rig.gauge('http.test.downstream_cx_active') === 0);
  });
});
