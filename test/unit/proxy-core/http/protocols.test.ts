import { readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { headerValue } from '../../../../proxy-core/base/headers.ts';
import { ProxyRig } from './data-path-rig.ts';

const folder = join(import.meta.dirname, '../../../fixtures/tls');
const pem = (name: string): string => readFileSync(join(folder, name), 'utf8');
const file = (name: string): string => `{ filename: ${JSON.stringify(join(folder, name))} }`;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

/** An origin that answers with the request's body and trailers; `x-protocol` tells what it was spoken to in. */
async function origin(version: 1 | 2): Promise<number> {
  const handle = (req: http.IncomingMessage, res: http.ServerResponse): void => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      res.writeHead(200, { 'x-protocol': req.httpVersion, trailer: 'x-sum' });
      res.write(Buffer.concat(parts));
      res.addTrailers({ 'x-sum': String(req.trailers['x-sum'] ?? 'none') });
      res.end();
    });
  };
  const server = version === 1 ? http.createServer(handle) : http2.createServer(handle as never);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

const hcm = `- name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: test
          http_protocol_options: { enable_trailers: true }
          route_config: { virtual_hosts: [{ name: v, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: origin } }] }] }
          http_filters: [{ name: r, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]`;

const protocolOptions = (which: string): string =>
  `typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, ${which} } }`;

const downstreamTls = (common: string, more = ''): string => `
      transport_socket:
        name: tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          ${more}
          common_tls_context: { ${common} }`;

const certificate = (name: string): string =>
  `{ certificate_chain: ${file(`${name}.pem`)}, private_key: ${file(`${name}.key`)} }`;

function yaml(port: number, cluster: string, chain = '', listener = '', connectionManager = ''): string {
  return `
static_resources:
  listeners:
  - name: main
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    ${listener}
    filter_chains:
    - filters:
      ${connectionManager === '' ? hcm : hcm.replace('stat_prefix: test', `stat_prefix: test\n          ${connectionManager}`)}${chain}
  clusters:
  - name: origin
    load_assignment: { cluster_name: origin, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }] }] }
    ${cluster}
`;
}

async function start(text: string): Promise<ProxyRig> {
  const rig = await ProxyRig.fromYaml(text);
  closers.push(() => rig.close());
  return rig;
}

interface Answer {
  status: number;
  protocol: string;
  body: string;
  sum: string;
}

function askHttp1(port: number, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = http.request({ port, host: '127.0.0.1', method: 'POST', path: '/', agent: false }, (res) => {
      let text = '';
      res.on('data', (part: Buffer) => {
        text += part.toString('latin1');
      });
      res.on('end', () =>
        resolve({
          status: res.statusCode ?? 0,
          protocol: String(res.headers['x-protocol']),
          body: text,
          sum: String(res.trailers['x-sum']),
        }),
      );
    });
    req.on('error', reject);
    req.setHeader('transfer-encoding', 'chunked');
    req.write(body);
    req.addTrailers([['x-sum', String(body.length)]]);
    req.end();
  });
}

function askHttp2(session: http2.ClientHttp2Session, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const answer: Answer = { status: 0, protocol: '', body: '', sum: '' };
    const stream = session.request({ ':method': 'POST', ':path': '/' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': String(body.length) }));
    stream.on('response', (headers) => {
      answer.status = Number(headers[':status']);
      answer.protocol = String(headers['x-protocol']);
    });
    stream.on('trailers', (trailers) => {
      answer.sum = String(trailers['x-sum']);
    });
    stream.on('data', (part: Buffer) => {
      answer.body += part.toString('latin1');
    });
    stream.on('end', () => resolve(answer));
    stream.on('error', reject);
    stream.end(body);
  });
}

function session(url: string, options: http2.SecureClientSessionOptions = {}): http2.ClientHttp2Session {
  const opened = http2.connect(url, options);
  opened.on('error', () => {});
  closers.push(() => opened.destroy());
  return opened;
}

describe('all four ways between HTTP/1 and HTTP/2, with trailers', () => {
  const body = 'x'.repeat(200_000);
  test.each([
    [1, 1],
    [1, 2],
    [2, 1],
    [2, 2],
  ] as const)('HTTP/%i to HTTP/%i', async (down, up) => {
    const port = await origin(up);
    const which =
      up === 1
        ? 'explicit_http_config: { http_protocol_options: { enable_trailers: true } }'
        : 'explicit_http_config: { http2_protocol_options: {} }';
    const rig = await start(yaml(port, protocolOptions(which)));
    const answer =
      down === 1
        ? await askHttp1(rig.port, body)
        : await askHttp2(session(`http://127.0.0.1:${rig.port}`), body);
    expect(answer.body === body).toBe(true);
    expect(answer).toMatchObject({ status: 200, protocol: up === 1 ? '1.1' : '2.0', sum: '200000' });
    expect(rig.streams[0]).toMatchObject({
      downstreamProtocol: down === 1 ? 'HTTP/1.1' : 'HTTP/2',
      upstreamProtocol: up === 1 ? 'HTTP/1.1' : 'HTTP/2',
      responseCode: 200,
    });
    expect(rig.counter(`http.test.downstream_rq_http${down}_total`)).toBe(1);
    expect(rig.counter(`cluster.origin.upstream_cx_http${up}_total`)).toBe(1);
  });

  test('upstream as downstream', async () => {
    const rig = await start(
      yaml(
        await origin(2),
        protocolOptions('use_downstream_protocol_config: { http2_protocol_options: {} }'),
      ),
    );
    expect((await askHttp2(session(`http://127.0.0.1:${rig.port}`), 'a')).protocol).toBe('2.0');
  });
});

test('fifty requests at once share one connection on either side; every gauge returns to 0', async () => {
  const rig = await start(
    yaml(await origin(2), protocolOptions('explicit_http_config: { http2_protocol_options: {} }')),
  );
  const opened = session(`http://127.0.0.1:${rig.port}`);
  const bodies = Array.from({ length: 50 }, (_, i) => String(i).repeat(1000));
  const answers = await Promise.all(bodies.map((body) => askHttp2(opened, body)));
  expect(answers.map((answer) => answer.body)).toEqual(bodies);
  expect(rig.counter('cluster.origin.upstream_cx_total')).toBe(1);
  expect(rig.counter('http.test.downstream_cx_http2_total')).toBe(1);
  for (const gauge of [
    'http.test.downstream_rq_active',
    'cluster.origin.upstream_rq_active',
    'http2.streams_active',
  ]) {
    expect(rig.gauge(gauge)).toBe(0);
  }
});

test('max_concurrent_streams of the cluster: more requests than that open more connections', async () => {
  const rig = await start(
    yaml(
      await origin(2),
      protocolOptions('explicit_http_config: { http2_protocol_options: { max_concurrent_streams: 2 } }'),
    ),
  );
  const opened = session(`http://127.0.0.1:${rig.port}`);
  const answers = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((body) => askHttp2(opened, body)));
  expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200, 200]);
  expect(rig.counter('cluster.origin.upstream_cx_total')).toBe(3);
});

test('a client that resets its stream is logged as Envoy does', async () => {
  const silent = http.createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  closers.push(
    () => silent.closeAllConnections(),
    () => silent.close(),
  );
  const rig = await start(yaml((silent.address() as AddressInfo).port, ''));
  const stream = session(`http://127.0.0.1:${rig.port}`).request({ ':path': '/' });
  stream.on('error', () => {});
  await expect.poll(() => rig.gauge('cluster.origin.upstream_rq_active')).toBe(1);
  stream.close(http2.constants.NGHTTP2_CANCEL);
  await expect.poll(() => rig.streams.length).toBe(1);
  expect(rig.streams[0]).toMatchObject({
    responseCode: 0,
    responseCodeDetails: 'http2.remote_reset',
    responseFlags: ['DR'],
  });
  expect(rig.gauge('cluster.origin.upstream_rq_active')).toBe(0);
});

describe('TLS', () => {
  function dial(rig: ProxyRig, options: object): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const socket = connectTls({ port: rig.port, host: '127.0.0.1', ca: pem('ca.pem'), ...options });
      closers.push(() => socket.destroy());
      socket.once('secureConnect', () => resolve(socket));
      socket.once('error', reject);
    });
  }

  /** The answer's status line, or how the connection ended. */
  function get(socket: TLSSocket): Promise<string> {
    return new Promise((resolve) => {
      socket.once('data', (bytes) => resolve(bytes.toString('latin1').split('\r\n')[0] ?? ''));
      socket.once('error', () => resolve('closed'));
      socket.once('close', () => resolve('closed'));
      socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    });
  }

  test.each([
    ['first', 'a.test', 'a.test'],
    ['by name', 'b.test', 'b.test'],
    ['by wildcard', 'x.b.test', 'b.test'],
  ])('several certificates: %s', async (_name, servername, subject) => {
    const rig = await start(
      yaml(1, '', downstreamTls(`tls_certificates: [${certificate('a.test')}, ${certificate('b.test')}]`)),
    );
    const socket = await dial(rig, { servername });
    expect(socket.getPeerCertificate().subject.CN).toBe(subject);
    expect(await get(socket)).toContain('503');
    expect(rig.streams[0]?.connection).toMatchObject({
      // Only an inspector reads it.
      requestedServerName: '',
      tls: { version: 'TLSv1.3', local: { subject: `CN=${subject},O=Example` } },
    });
    expect(rig.streams[0]?.requestHead?.scheme).toBe('https');
  });

  test.each([
    [['h2', 'http/1.1'], 'h2'],
    [['http/1.1', 'h2'], 'h2'],
    [['http/1.1'], 'http/1.1'],
    [['spdy/3'], false],
    [[], false],
  ])('ALPN %j is answered with %j', async (ALPNProtocols, expected) => {
    const rig = await start(
      yaml(
        1,
        '',
        downstreamTls(`alpn_protocols: [h2, http/1.1], tls_certificates: [${certificate('a.test')}]`),
      ),
    );
    const socket = await dial(rig, {
      servername: 'a.test',
      ...(ALPNProtocols.length > 0 ? { ALPNProtocols } : {}),
    });
    expect(socket.alpnProtocol).toBe(expected);
  });

  test('HTTP/2 by ALPN, TLS to an origin of our own with a client certificate', async () => {
    const inner = await start(
      yaml(
        await origin(2),
        protocolOptions('explicit_http_config: { http2_protocol_options: {} }'),
        downstreamTls(
          `alpn_protocols: [h2], tls_certificates: [${certificate('a.test')}], validation_context: { trusted_ca: ${file('ca.pem')}, match_typed_subject_alt_names: [{ san_type: URI, matcher: { exact: "spiffe://test/client" } }] }`,
          'require_client_certificate: true',
        ),
      ),
    );
    const upstream = `transport_socket:
      name: tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        sni: a.test
        common_tls_context: { tls_certificates: [${certificate('client')}], validation_context: { trusted_ca: ${file('ca.pem')}, match_typed_subject_alt_names: [{ san_type: DNS, matcher: { exact: a.test } }] } }`;
    const outer = await start(
      yaml(
        inner.port,
        `${protocolOptions('auto_config: {}')}\n    ${upstream}`,
        downstreamTls(`alpn_protocols: [h2], tls_certificates: [${certificate('b.test')}]`),
      ),
    );
    const opened = session(`https://127.0.0.1:${outer.port}`, { ca: pem('ca.pem'), servername: 'b.test' });
    const answer = await askHttp2(opened, 'hello');
    expect(answer).toMatchObject({ status: 200, body: 'hello', protocol: '2.0', sum: '5' });
    expect(outer.streams[0]).toMatchObject({
      upstreamProtocol: 'HTTP/2',
      upstreamTls: { version: 'TLSv1.2', alpn: 'h2', peer: { subject: 'CN=a.test,O=Example' } },
    });
    expect(inner.streams[0]?.connection.tls?.peer).toMatchObject({
      subject: 'CN=client,O=Example',
      uriSans: ['spiffe://test/client'],
    });
    expect(outer.counter('cluster.origin.ssl.handshake')).toBe(1);
  });

  test.each([
    ['a good certificate', 'client', '503', ''],
    ['a certificate with another name', 'b.test', 'closed', 'fail_verify_san'],
    ['none', null, 'closed', 'fail_verify_no_cert'],
  ])('require_client_certificate: %s', async (_name, name, expected, counter) => {
    const rig = await start(
      yaml(
        1,
        '',
        downstreamTls(
          `tls_certificates: [${certificate('a.test')}], validation_context: { trusted_ca: ${file('ca.pem')}, match_typed_subject_alt_names: [{ san_type: DNS, matcher: { exact: client } }] }`,
          'require_client_certificate: true',
        ),
        'stat_prefix: l',
      ),
    );
    const own = name === null ? {} : { cert: pem(`${name}.pem`), key: pem(`${name}.key`) };
    const socket = await dial(rig, { servername: 'a.test', ...own });
    expect(await get(socket)).toContain(expected);
    if (counter !== '') expect(rig.counter(`listener.l.ssl.${counter}`)).toBe(1);
    socket.destroy();
    await expect.poll(() => rig.gauge('listener.l.downstream_cx_active')).toBe(0);
  });

  const FORGED = 'By=forged';
  test.each([
    ['SANITIZE', undefined],
    ['FORWARD_ONLY', FORGED],
    [
      'APPEND_FORWARD',
      `${FORGED},By=spiffe://test/a.test;Hash=*;Subject="CN=client,O=Example";URI=spiffe://test/client;DNS=client`,
    ],
    [
      'SANITIZE_SET',
      'By=spiffe://test/a.test;Hash=*;Subject="CN=client,O=Example";URI=spiffe://test/client;DNS=client',
    ],
    ['ALWAYS_FORWARD_ONLY', FORGED],
  ])('x-forwarded-client-cert: %s', async (mode, expected) => {
    const rig = await start(
      yaml(
        1,
        '',
        downstreamTls(
          `tls_certificates: [${certificate('a.test')}], validation_context: { trusted_ca: ${file('ca.pem')} }`,
        ),
        '',
        `forward_client_cert_details: ${mode}\n          set_current_client_cert_details: { subject: true, uri: true, dns: true }`,
      ),
    );
    const socket = await dial(rig, { servername: 'a.test', cert: pem('client.pem'), key: pem('client.key') });
    socket.write(`GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-client-cert: ${FORGED}\r\n\r\n`);
    await expect.poll(() => rig.streams.length).toBe(1);
    const { headers } = rig.streams[0]?.requestHead ?? { headers: [] };
    expect(headerValue(headers, 'x-forwarded-client-cert')?.replace(/Hash=[0-9a-f]{64}/, 'Hash=*')).toBe(
      expected,
    );
  });

  test('an origin whose certificate is not trusted: 503 with the reason', async () => {
    const inner = await start(yaml(1, '', downstreamTls(`tls_certificates: [${certificate('a.test')}]`)));
    const rig = await start(
      yaml(
        inner.port,
        `transport_socket: { name: tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: { validation_context: { trusted_ca: ${file('b.test.pem')} } } } }`,
      ),
    );
    expect((await askHttp1(rig.port, 'x')).status).toBe(503);
    expect(rig.streams[0]?.upstreamTransportFailureReason).toContain('CERTIFICATE_VERIFY_FAILED');
    expect(rig.counter('cluster.origin.ssl.fail_verify_error')).toBe(1);
    expect(rig.gauge('cluster.origin.upstream_cx_active')).toBe(0);
  });

  test('clear text on a TLS port fails the handshake and leaves nothing behind', async () => {
    const rig = await start(
      yaml(1, '', downstreamTls(`tls_certificates: [${certificate('a.test')}]`), 'stat_prefix: l'),
    );
    await expect(askHttp1(rig.port, 'x')).rejects.toThrow();
    expect(rig.counter('listener.l.ssl.connection_error')).toBe(1);
    await expect.poll(() => rig.gauge('listener.l.downstream_cx_active')).toBe(0);
  });

  test.each([
    ['no certificate', '', 'No TLS certificates found for server context'],
    [
      'missing file',
      'tls_certificates: [{ certificate_chain: { filename: /no.crt }, private_key: { filename: /no.key } }]',
      'Failed to load incomplete certificate from /no.crt: certificate chain not set',
    ],
    [
      'garbage',
      `tls_certificates: [{ certificate_chain: { inline_string: x }, private_key: ${file('a.test.key')} }]`,
      'Failed to load certificate chain from <inline>',
    ],
    [
      'no key',
      `tls_certificates: [{ certificate_chain: ${file('a.test.pem')} }]`,
      'Failed to load incomplete private key from path: ',
    ],
    [
      'the key of another',
      `tls_certificates: [{ certificate_chain: ${file('a.test.pem')}, private_key: ${file('b.test.key')} }]`,
      'KEY_VALUES_MISMATCH',
    ],
    [
      'unknown cipher',
      `tls_certificates: [${certificate('a.test')}], tls_params: { cipher_suites: [FOO] }`,
      'Failed to initialize cipher suites FOO. The following ciphers were rejected when tried individually: FOO',
    ],
    [
      'SAN without CA',
      `tls_certificates: [${certificate('a.test')}], validation_context: { match_typed_subject_alt_names: [{ san_type: DNS, matcher: { exact: a } }] }`,
      'SAN-based verification of peer certificates without trusted CA is insecure and not allowed',
    ],
  ])('verdict: %s', async (_name, common, message) => {
    await expect(start(yaml(1, '', downstreamTls(common)))).rejects.toThrow(message);
  });
});
