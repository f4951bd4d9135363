import { connect } from 'node:http2';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { chooseEncoding } from '../../../../../proxy-core/http/filters/accept-encoding.ts';
import { Client, exchange, Origin, ProxyRig, request } from '../data-path-rig.ts';
import { filter, filterYaml, parted } from './filter-rig.ts';
import { GrpcOrigin, HTTP2_CLUSTER } from './grpc-rig.ts';

const LIBRARY = 'type.googleapis.com/envoy.extensions.compression';
const compressor = (kind: string, message: string, fields = '', settings = ''): string =>
  filter(
    'compressor',
    'Compressor',
    `compressor_library: { name: l, typed_config: { "@type": ${LIBRARY}.${kind}.compressor.v3.${message}${settings} } }${fields}`,
  );
const decompressor = (kind: string, message: string): string =>
  filter(
    'decompressor',
    'Decompressor',
    `decompressor_library: { name: l, typed_config: { "@type": ${LIBRARY}.${kind}.decompressor.v3.${message} } }`,
  );
const GZIP = compressor('gzip', 'Gzip');
const BUFFER = filter('buffer', 'Buffer', 'max_request_bytes: 100000');

const close: (() => void)[] = [];
afterEach(() => {
  for (const each of close.splice(0)) each();
});

async function rig(filters: string[], handle: ConstructorParameters<typeof Origin>[0]) {
  const origin = new Origin(handle);
  await origin.listen();
  const proxy = await ProxyRig.fromYaml(filterYaml({ filters, ports: [origin.port] }));
  close.push(
    () => proxy.close(),
    () => origin.close(),
  );
  return { origin, proxy };
}

const answer = (body: string, headers = 'content-type: text/plain\r\n'): string =>
  `HTTP/1.1 200 OK\r\n${headers}content-length: ${body.length}\r\n\r\n${body}`;

describe('the compressor', () => {
  const text = 'so be it '.repeat(5000);

  test.each([
    ['gzip', GZIP, gunzipSync],
    ['gzip', compressor('gzip', 'Gzip', '', ', compression_level: BEST_SPEED, window_bits: 9'), gunzipSync],
    ['br', compressor('brotli', 'Brotli'), brotliDecompressSync],
  ])('%s: the client gets the same text, smaller', async (encoding, config, unpack) => {
    const { proxy } = await rig([config], (_head, socket) => socket.write(answer(text), 'latin1'));
    const got = parted(await exchange(proxy.port, request('/', `accept-encoding: ${encoding}\r\n`)));
    expect(got.head).toContain(`content-encoding: ${encoding}`);
    expect(got.head).not.toContain('content-length');
    expect(got.body.length).toBeLessThan(text.length / 10);
    expect(unpack(got.body).toString('latin1')).toBe(text);
    const prefix = `http.test.compressor.l.${encoding === 'br' ? 'brotli' : 'gzip'}.`;
    expect(proxy.counter(`${prefix}total_uncompressed_bytes`)).toBe(text.length);
    expect(proxy.counter(`${prefix}total_compressed_bytes`)).toBe(got.body.length);
  });

  test('what came so far reaches the client at once', async () => {
    let rest = (): void => {};
    const { proxy } = await rig([GZIP], (_head, socket) => {
      socket.write(
        'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n',
      );
      rest = () => socket.write('3\r\nend\r\n0\r\n\r\n');
    });
    const client = new Client(proxy.port).send(request('/', 'accept-encoding: gzip\r\n'));
    close.push(() => client.destroy());
    // A sync flush ends with an empty stored block.
    await client.until((got) => got.includes('\x00\x00\xff\xff'));
    rest();
    const got = parted(await client.until((_text, ended) => ended));
    expect(gunzipSync(got.body).toString()).toBe('firstend');
  });

  test('a large body to a slow reader', async () => {
    // Bytes that do not compress.
    let seed = 1;
    const body = Array.from({ length: 3_000_000 }, () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return String.fromCharCode(seed & 255);
    }).join('');
    const { proxy } = await rig([GZIP], (_head, socket) => socket.write(answer(body), 'latin1'));
    const client = new Client(proxy.port);
    close.push(() => client.destroy());
    client.raw.pause();
    client.send(request('/', 'accept-encoding: gzip\r\n'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    client.raw.resume();
    const got = parted(await client.until((_text, ended) => ended));
    expect(gunzipSync(got.body).toString('latin1')).toBe(body);
  });

  test('a request that buffer waits for is compressed behind it', async () => {
    const seen: string[] = [];
    const { proxy } = await rig(
      [BUFFER, compressor('gzip', 'Gzip', ', request_direction_config: {}')],
      (head, socket) => {
        seen.push(head);
        socket.write(answer('ok'));
        socket.end();
      },
    );
    await exchange(
      proxy.port,
      request('/', `content-type: text/plain\r\ncontent-length: 200\r\n`, 'POST', 'a'.repeat(200)),
    );
    expect(seen[0]).toContain('content-encoding: gzip');
    expect(seen[0]).toContain('transfer-encoding: chunked');
    expect(seen[0]).not.toContain('content-length');
    expect(proxy.counter('http.test.compressor.l.gzip.request.compressed')).toBe(1);
  });

  test('the client leaves in the middle', async () => {
    const { proxy } = await rig([GZIP], (_head, socket) => {
      socket.write(
        'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n',
      );
    });
    const client = new Client(proxy.port).send(request('/', 'accept-encoding: gzip\r\n'));
    await client.until((got) => got.includes('\x00\x00\xff\xff'));
    client.destroy();
    while (proxy.streams.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(proxy.streams[0]?.responseFlags).toEqual(['DC']);
  });
});

describe('a compressed message with trailers', () => {
  test.each([
    ['compressed', GZIP, (bytes: Buffer) => bytes, gunzipSync],
    ['unpacked', decompressor('gzip', 'Gzip'), gzipSync, (bytes: Buffer) => bytes],
  ])('%s over HTTP/2', async (_what, config, pack, unpack) => {
    const text = 'trailers follow '.repeat(50);
    const packed = pack(Buffer.from(text));
    const encoding: Record<string, string> =
      packed.length === text.length ? {} : { 'content-encoding': 'gzip' };
    const origin = new GrpcOrigin(() => ({
      headers: { 'content-type': 'text/plain', ...encoding },
      body: [packed.subarray(0, 20), packed.subarray(20)],
      trailers: { 'x-last': 'one' },
    }));
    await origin.listen();
    const yaml = filterYaml({ filters: [config], ports: [origin.port], cluster: HTTP2_CLUSTER });
    const proxy = await ProxyRig.fromYaml(yaml);
    const session = connect(`http://127.0.0.1:${proxy.port}`);
    close.push(
      () => session.destroy(),
      () => proxy.close(),
      () => origin.close(),
    );
    const stream = session.request({ ':path': '/', 'accept-encoding': 'gzip' });
    const parts: Buffer[] = [];
    let trailers: Record<string, unknown> = {};
    stream.on('data', (bytes: Buffer) => parts.push(bytes));
    stream.on('trailers', (received) => {
      trailers = received;
    });
    await new Promise((resolve) => stream.on('close', resolve));
    expect(unpack(Buffer.concat(parts)).toString()).toBe(text);
    expect(trailers['x-last']).toBe('one');
    if (packed.length !== text.length) {
      expect(trailers['x-envoy-decompressor-l-compressed-bytes']).toBe(String(packed.length));
      expect(trailers['x-envoy-decompressor-l-uncompressed-bytes']).toBe(String(text.length));
    }
  });
});

describe('the decompressor', () => {
  test.each([
    ['gzip', decompressor('gzip', 'Gzip'), gzipSync],
    ['br', decompressor('brotli', 'Brotli'), brotliCompressSync],
  ])('%s both ways', async (encoding, config, pack) => {
    const text = 'hello '.repeat(100);
    const bodies: string[] = [];
    const packed = pack(Buffer.from(text)).toString('latin1');
    const { proxy } = await rig(
      [BUFFER, config, filter('buffer', 'Buffer', 'max_request_bytes: 5000').replace('buffer,', 'b2,')],
      (_head, socket, body) => {
        bodies.push(body);
        socket.write(answer(packed, `content-encoding: ${encoding}\r\n`), 'latin1');
      },
    );
    const client = new Client(proxy.port);
    close.push(() => client.destroy());
    client.raw.write(
      request('/', `content-encoding: ${encoding}\r\ncontent-length: ${packed.length}\r\n`, 'POST', packed),
      'latin1',
    );
    const got = parted(await client.until((_text, ended) => ended));
    expect(got.head).not.toContain('content-encoding');
    expect(got.body.toString()).toBe(text);
    // The second buffer makes a length of it again.
    expect(bodies).toEqual([text]);
  });

  test('a bomb is cut short', async () => {
    const packed = gzipSync(Buffer.alloc(1_000_000)).toString('latin1');
    const { proxy } = await rig([decompressor('gzip', 'Gzip')], (_head, socket) => {
      socket.write(answer(packed, 'content-encoding: gzip\r\n'), 'latin1');
    });
    const got = parted(await exchange(proxy.port, request('/')));
    expect(got.body.length).toBeLessThan(150_000);
    expect(proxy.counter('http.test.decompressor.l.gzip.decompressor_library.zlib_data_error')).toBe(1);
  });
});

describe('Accept-Encoding', () => {
  const offers = [
    { encoding: 'br', chooseFirst: false },
    { encoding: 'gzip', chooseFirst: false },
  ];

  test.each([
    ['gzip, br', 'gzip', 'compressor'],
    ['br;q=0.2, gzip;q=0.1', 'br', 'compressor'],
    ['*', 'br', 'wildcard'],
    ['br;q=0, *', 'gzip', 'wildcard'],
    ['identity', 'identity', 'identity'],
    ['deflate', 'identity', 'not-valid'],
    ['gzip;q=zero', 'identity', 'not-valid'],
    ['', 'identity', 'not-valid'],
  ])('%s: %s', (accept, encoding, by) => {
    expect(chooseEncoding(accept, offers)).toEqual({ encoding, by });
  });

  test('whoever is to be chosen first wins among equals', () => {
    const first = [{ encoding: 'br', chooseFirst: true }, offers[1] as (typeof offers)[0]];
    expect(chooseEncoding('gzip, br', first).encoding).toBe('br');
    expect(chooseEncoding('gzip, br;q=0.9', first).encoding).toBe('gzip');
  });

  test('whatever the header, only what is offered is chosen, and never what weighs nothing', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z*;=,. 0-9q]{0,40}$/), (accept) => {
        const { encoding } = chooseEncoding(accept, offers);
        expect(['br', 'gzip', 'identity']).toContain(encoding);
        if (encoding !== 'identity') {
          expect(chooseEncoding(`${accept},${encoding};q=0`, offers).encoding).not.toBe(encoding);
        }
      }),
    );
  });
});
