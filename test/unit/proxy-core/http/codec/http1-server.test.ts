import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ServerStream } from '../../../../../proxy-core/http/codec/codec.ts';
import type { Http1ServerOptions } from '../../../../../proxy-core/http/codec/http1-server.ts';
import { ServerRig } from './http1-rig.ts';

const ok = (text: string, options: Partial<Http1ServerOptions> = {}): unknown[] =>
  new ServerRig(options).receive(text).events;

describe('requests that are refused', () => {
  const CODEC = [400, 'http1.codec_error'] as const;
  const CHARS = [400, 'http1.invalid_characters'] as const;
  const get = (headers: string): string => `GET / HTTP/1.1\r\nhost: a\r\n${headers}\r\n`;
  test.each([
    ['no request line', 'asdf\r\n\r\n', ...CODEC],
    ['no colon', get('foo\r\n'), ...CODEC],
    ['space before colon', get('foo : a\r\n'), ...CODEC],
    ['bad name', get('f(o: a\r\n'), ...CODEC],
    ['empty name', get(': a\r\n'), ...CODEC],
    ['HTTP/1.01', 'GET / HTTP/1.01\r\nhost: a\r\n\r\n', ...CODEC],
    ['lower-case http', 'GET / http/1.1\r\nhost: a\r\n\r\n', ...CODEC],
    ['lower-case method', 'get / HTTP/1.1\r\nhost: a\r\n\r\n', ...CODEC],
    ['unknown method', 'FOO / HTTP/1.1\r\nhost: a\r\n\r\n', ...CODEC],
    ['space in the path', 'GET /a b HTTP/1.1\r\nhost: a\r\n\r\n', ...CODEC],
    ['high byte in the path', 'GET /\xff HTTP/1.1\r\nhost: a\r\n\r\n', ...CODEC],
    ['control byte in the path', 'GET /\x01 HTTP/1.1\r\nhost: a\r\n\r\n', ...CHARS],
    ['a TLS hello', '\x16\x03\x01\x02', ...CODEC],
    ['an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', ...CODEC],
    ['a leading empty line (1.32)', '\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n', ...CODEC],
    ['two content-lengths', get('content-length: 1\r\ncontent-length: 1\r\n'), ...CODEC],
    ['a list as content-length', get('content-length: 3, 3\r\n'), ...CODEC],
    ['negative content-length', get('content-length: -3\r\n'), ...CODEC],
    ['signed content-length', get('content-length: +3\r\n'), ...CODEC],
    ['empty content-length', get('content-length:\r\n'), ...CODEC],
    ['NUL in a value', get('a: b\0c\r\n'), ...CHARS],
    ['control byte in a value', get('a: b\x01c\r\n'), ...CHARS],
    ['DEL in a value', get('a: b\x7fc\r\n'), ...CHARS],
    ['CR and a control byte in a value', get('a: b\r\x01\r\n'), ...CHARS],
    ['port of a URL', 'GET http://a:99999/ HTTP/1.1\r\nhost: a\r\n\r\n', 400, 'http1.invalid_url'],
    ['CONNECT to two ports', 'CONNECT a:80:90 HTTP/1.1\r\nhost: a\r\n\r\n', 400, 'http1.invalid_url'],
    ['neither path nor URL', 'GET a HTTP/1.1\r\nhost: a\r\n\r\n', ...CODEC],
    [
      'Connection naming a pseudo-header',
      get('connection: :path\r\n'),
      400,
      'http1.connection_header_rejected',
    ],
    [
      'length and an unknown coding',
      get('content-length: 3\r\ntransfer-encoding: gzip\r\n'),
      400,
      'http1.content_length_and_chunked_not_allowed',
    ],
    [
      'length and chunked',
      get('content-length: 3\r\ntransfer-encoding: chunked\r\n'),
      400,
      'http1.content_length_and_chunked_not_allowed',
    ],
    ['gzip as transfer-encoding', get('transfer-encoding: gzip\r\n'), 501, 'http1.invalid_transfer_encoding'],
    ['gzip and chunked', get('transfer-encoding: gzip, chunked\r\n'), 501, 'http1.invalid_transfer_encoding'],
    [
      'Connection naming x-forwarded-for',
      get('connection: x-forwarded-for\r\n'),
      400,
      'http1.connection_header_rejected',
    ],
    ['authority with a space', 'GET / HTTP/1.1\r\nhost: a b\r\n\r\n', 400, 'http.invalid_authority'],
    ['CONNECT with a path', 'CONNECT /x HTTP/1.1\r\nhost: a\r\n\r\n', 400, 'http1.invalid_url'],
    ['GET *', 'GET * HTTP/1.1\r\nhost: a\r\n\r\n', 400, 'http1.invalid_url'],
    [
      'CONNECT with a body',
      'CONNECT a:80 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n',
      400,
      'http1.body_disallowed',
    ],
    ['another scheme', 'GET ftp://a/x HTTP/1.1\r\nhost: a\r\n\r\n', 400, 'http1.invalid_scheme'],
    ['101 headers', get('x: y\r\n'.repeat(100)), 431, 'http1.too_many_headers'],
    ['a head above 60 KiB', get(`x: ${'y'.repeat(62_000)}\r\n`), 431, 'http1.headers_too_large'],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\nhost: a\r\n\r\n', 426, 'low_version'],
    ['HTTP/0.9', 'GET /\r\n', 426, 'low_version'],
    ['HTTP/1.2', 'GET / HTTP/1.2\r\nhost: a\r\n\r\n', 426, 'low_version'],
    ['HTTP/2.0', 'GET / HTTP/2.0\r\nhost: a\r\n\r\n', 426, 'low_version'],
  ])('%s', (_name, text, status, details) => {
    expect(ok(text)).toEqual([['error', status, details]]);
  });

  test('a bad chunk size behind a good head', () => {
    const events = ok('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n');
    expect(events.map((event) => (event as unknown[])[0])).toEqual(['head', 'error']);
  });

  test('options refuse more', () => {
    expect(ok('GET / HTTP/1.1\r\nhost: a\r\na_b: c\r\n\r\n', { underscores: 'reject' })).toEqual([
      ['error', 400, 'http1.unexpected_underscore'],
    ]);
    expect(ok('GET https://a/ HTTP/1.1\r\nhost: a\r\n\r\n', { refuseHttpsTarget: true })).toEqual([
      ['error', 403, 'http1.https_url_on_plaintext_connection'],
    ]);
  });

  test('nothing is understood after an error', () => {
    const rig = new ServerRig().receive('asdf\r\n\r\n').receive('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    expect(rig.events).toHaveLength(1);
  });
});

describe('requests that are taken', () => {
  test.each<[string, string, unknown[], Partial<Http1ServerOptions>?]>([
    ['plain', 'GET /x?y HTTP/1.1\r\nHost: a\r\n\r\n', [['head', 'GET', 'a', '/x?y', [], true]]],
    ['bare line feeds', 'GET / HTTP/1.1\nhost: a\n\n', [['head', 'GET', 'a', '/', [], true]]],
    ['two blanks', 'GET  /  HTTP/1.1\r\nhost: a\r\n\r\n', [['head', 'GET', 'a', '/', [], true]]],
    ['an empty Host', 'GET / HTTP/1.1\r\nhost:\r\n\r\n', [['head', 'GET', '', '/', [], true]]],
    ['two Hosts', 'GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n', [['head', 'GET', 'a,b', '/', [], true]]],
    [
      'folded lines',
      'GET / HTTP/1.1\r\nhost: a\r\nx: a\r\n  b\r\n\tc \r\ny: z\r\n\r\n',
      [['head', 'GET', 'a', '/', ['x', 'a  b\tc', 'y', 'z'], true]],
    ],
    [
      'blanks around values',
      'GET / HTTP/1.1\r\nhost: a\r\nX-A: \t b c \t\r\nempty:\r\n\r\n',
      [['head', 'GET', 'a', '/', ['x-a', 'b c', 'empty', ''], true]],
    ],
    [
      'high bytes',
      'GET / HTTP/1.1\r\nhost: a\r\nx: \xe4\r\n\r\n',
      [['head', 'GET', 'a', '/', ['x', '\xe4'], true]],
    ],
    [
      'repeated lines: inline headers join, others stay',
      'GET / HTTP/1.1\r\nhost: a\r\naccept: a\r\nx: 1\r\naccept: b\r\nx: 2\r\ncookie: c\r\ncookie: d\r\n\r\n',
      [['head', 'GET', 'a', '/', ['accept', 'a,b', 'x', '1', 'x', '2', 'cookie', 'c', 'cookie', 'd'], true]],
    ],
    [
      'absolute form',
      'GET http://b:80/x?q HTTP/1.1\r\nhost: a\r\n\r\n',
      [['head', 'GET', 'b:80', '/x?q', [], true]],
    ],
    [
      'absolute form without a path',
      'GET http://b HTTP/1.1\r\nhost: a\r\n\r\n',
      [['head', 'GET', 'b', '/', [], true]],
    ],
    [
      'a body by length',
      'PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc',
      [
        ['head', 'PUT', 'a', '/', ['content-length', '3'], false],
        ['body', 'abc'],
      ],
    ],
    [
      'a chunked body with extensions and trailers',
      'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: CHUNKED\r\n\r\n3;a="b"\r\nabc\r\nA\r\n0123456789\r\n0\r\nx-t: 1\r\n\r\n',
      [
        ['head', 'POST', 'a', '/', ['transfer-encoding', 'CHUNKED'], false],
        ['body', 'abc0123456789'],
        ['trailers', ['x-t', '1']],
      ],
    ],
    [
      'trailers that are not wanted',
      'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-t: 1\r\n\r\n',
      [
        ['head', 'POST', 'a', '/', ['transfer-encoding', 'chunked'], false],
        ['body', 'a'],
      ],
      { enableTrailers: false },
    ],
    [
      'length and chunked when allowed',
      'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
      [
        ['head', 'POST', 'a', '/', ['transfer-encoding', 'chunked'], false],
        ['body', 'a'],
      ],
      { allowChunkedLength: true },
    ],
    [
      'an underscore that is dropped',
      'GET / HTTP/1.1\r\nhost: a\r\na_b: c\r\nd: e\r\n\r\n',
      [['head', 'GET', 'a', '/', ['d', 'e'], true]],
      { underscores: 'drop' },
    ],
    [
      'HTTP/1.0',
      'GET / HTTP/1.0\r\nhost: a\r\n\r\n',
      [['head', 'GET', 'a', '/', [], true]],
      { acceptHttp10: true },
    ],
    ['HTTP/0.9', 'GET /x\r\n', [['head', 'GET', '', '/x', [], true]], { acceptHttp10: true }],
    [
      '100 headers',
      `GET / HTTP/1.1\r\nhost: a\r\n${'x: y\r\n'.repeat(99)}\r\n`,
      [['head', 'GET', 'a', '/', Array.from({ length: 99 }, () => ['x', 'y']).flat(), true]],
    ],
  ])('%s', (_name, text, events, options) => {
    expect(ok(text, options)).toEqual(events);
  });
});

describe('answers', () => {
  const answer =
    (status: number, headers: string[], body: string) =>
    (stream: ServerStream): void => {
      stream.sendHead({ status, headers }, body === '');
      const bytes = Buffer.from(body, 'latin1');
      if (body !== '') stream.sendBody(bytes, 0, bytes.length, true);
    };
  const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
  test.each([
    ['by length', GET, 200, ['content-length', '2'], 'ok', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'],
    [
      'chunked',
      GET,
      200,
      [],
      'ok',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    ],
    ['empty', GET, 404, [], '', 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n'],
    ['204 has no framing', GET, 204, [], '', 'HTTP/1.1 204 No Content\r\n\r\n'],
    [
      '304 keeps its length',
      GET,
      304,
      ['content-length', '7'],
      '',
      'HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n',
    ],
    ['unknown status', GET, 600, [], '', 'HTTP/1.1 600 Unknown\r\ncontent-length: 0\r\n\r\n'],
    [
      'HEAD has no body',
      'HEAD / HTTP/1.1\r\nhost: a\r\n\r\n',
      200,
      ['content-length', '2'],
      'ok',
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n',
    ],
    [
      'HEAD without a length',
      'HEAD / HTTP/1.1\r\nhost: a\r\n\r\n',
      200,
      [],
      '',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n',
    ],
  ])('%s', (_name, request, status, headers, body, wire) => {
    const rig = new ServerRig({}, answer(status, headers, body)).receive(request);
    expect(rig.sink.text).toBe(wire);
  });

  test('an HTTP/1.0 client gets no chunks', () => {
    const rig = new ServerRig({ acceptHttp10: true }, answer(200, [], 'ok'));
    rig.receive('GET / HTTP/1.0\r\nhost: a\r\n\r\n');
    expect(rig.sink.text).toBe('HTTP/1.0 200 OK\r\n\r\nok');
    expect(rig.codec.peerCloses).toBe(true);
  });

  test('a pipeline is answered in order, one request at a time', () => {
    const rig = new ServerRig({}, (stream, head) => {
      stream.sendHead({ status: 200, headers: ['content-length', String(head.path.length)] }, false);
      stream.sendBody(Buffer.from(head.path), 0, head.path.length, true);
    });
    rig.receive(['/a', '/bb', '/ccc'].map((path) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`).join(''));
    expect(rig.sink.text.match(/(?<=\r\n\r\n)\/[a-c]+/g)).toEqual(['/a', '/bb', '/ccc']);
  });

  test('a pipelined request waits for the answer before it', () => {
    const rig = new ServerRig();
    rig.receive(`${GET}GET /second HTTP/1.1\r\nhost: a\r\n\r\n`);
    expect(rig.events).toHaveLength(1);
    rig.stream?.sendHead({ status: 200, headers: [] }, true);
    expect(rig.events).toHaveLength(2);
  });

  test('an upgraded connection carries bytes both ways', () => {
    const rig = new ServerRig({}, null);
    rig.receive('GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
    rig.stream?.sendHead({ status: 101, headers: ['upgrade', 'websocket'] }, false);
    rig.receive('ping');
    rig.stream?.sendBody(Buffer.from('pong'), 0, 4, false);
    expect(rig.sink.text).toBe('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\npong');
    expect(rig.codec.wire.bytesReceived).toBeGreaterThan(rig.codec.wire.headerBytesReceived);
  });
});

describe('properties', () => {
  const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/);
  const value = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);
  const request = fc
    .record({
      method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD'),
      path: fc.stringMatching(/^\/[a-z0-9/?=&.-]{0,20}$/),
      headers: fc.array(fc.tuple(token, value), { maxLength: 6 }),
      eol: fc.constantFrom('\r\n', '\n'),
      chunks: fc.array(fc.stringMatching(/^[ -~]{1,20}$/), { maxLength: 4 }),
      framing: fc.constantFrom('none', 'length', 'chunked'),
    })
    .map(({ method, path, headers, eol, chunks, framing }) => {
      const lines = headers
        .filter(
          ([name]) =>
            !['connection', 'content-length', 'transfer-encoding', 'host', 'upgrade', 'expect'].includes(
              name,
            ),
        )
        .map(([name, text]) => `${name}: ${text}${eol}`)
        .join('');
      const start = `${method} ${path} HTTP/1.1${eol}host: a${eol}${lines}`;
      const body = chunks.join('');
      if (framing === 'length') return `${start}content-length: ${body.length}${eol}${eol}${body}`;
      if (framing === 'none') return `${start}${eol}`;
      const wire = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}${eol}`).join('');
      return `${start}transfer-encoding: chunked${eol}${eol}${wire}0\r\nx-t: 1${eol}${eol}`;
    });
  const respond = (stream: ServerStream): void => stream.sendHead({ status: 200, headers: [] }, true);

  test('the same bytes give the same events, however they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(request, { minLength: 1, maxLength: 3 }),
        fc.array(fc.nat(400), { maxLength: 12 }),
        (requests, cuts) => {
          const text = requests.join('');
          const whole = new ServerRig({}, respond).receive(text);
          const parts = new ServerRig({}, respond).receiveCut(text, cuts);
          const bytes = new ServerRig({}, respond).receiveCut(
            text,
            Array.from(text, (_, i) => i),
          );
          expect(parts.events).toEqual(whole.events);
          expect(bytes.events).toEqual(whole.events);
          expect(parts.sink.text).toBe(whole.sink.text);
          expect(whole.events.filter((event) => (event as unknown[])[0] === 'head')).toHaveLength(
            requests.length,
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  test('broken bytes give one error or none, the same however they are cut, and never throw', () => {
    fc.assert(
      fc.property(
        request,
        fc.nat(200),
        fc.constantFrom('\0', '\r', '\n', ' ', ':', '\xff', 'z', '\t', '0'),
        fc.array(fc.nat(300), { maxLength: 8 }),
        (text, position, junk, cuts) => {
          const at = position % (text.length + 1);
          const broken = text.slice(0, at) + junk + text.slice(at);
          const whole = new ServerRig({}, respond).receive(broken);
          const parts = new ServerRig({}, respond).receiveCut(broken, cuts);
          expect(parts.events).toEqual(whole.events);
          const errors = whole.events.filter((event) => (event as unknown[])[0] === 'error');
          expect(errors.length).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('what is held of a pipeline is bounded: reading stops', () => {
    const rig = new ServerRig();
    rig.receive('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    for (let i = 0; i < 10 && rig.reading; i++) rig.receive('x'.repeat(16_384));
    expect(rig.reading).toBe(false);
  });
});
