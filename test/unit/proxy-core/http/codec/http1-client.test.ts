import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PROPER_CASE } from '../../../../../proxy-core/http/codec/http1-header-keys.ts';
import { ClientRig } from './http1-rig.ts';

const run = (text: string, request = {}): unknown[] => new ClientRig(request).receive(text).events;

describe('responses', () => {
  test.each<[string, string, unknown[]]>([
    [
      'by length; the connection is reusable before its receiver hears of the end',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      [
        ['head', 200, ['content-length', '2'], false],
        ['done', true],
        ['body', 'ok'],
      ],
    ],
    [
      'chunked with trailers',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nx-t: 1\r\n\r\n',
      [
        ['head', 200, ['transfer-encoding', 'chunked'], false],
        ['done', true],
        ['body', 'abc'],
        ['trailers', ['x-t', '1']],
      ],
    ],
    [
      '204',
      'HTTP/1.1 204 No\r\n\r\n',
      [
        ['done', true],
        ['head', 204, [], true],
      ],
    ],
    [
      '304 with a length',
      'HTTP/1.1 304 X\r\ncontent-length: 7\r\n\r\n',
      [
        ['done', true],
        ['head', 304, ['content-length', '7'], true],
      ],
    ],
    [
      'connection: close',
      'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
      [
        ['done', false],
        ['head', 200, ['connection', 'close', 'content-length', '0'], true],
      ],
    ],
    [
      'HTTP/1.0 with keep-alive',
      'HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n',
      [
        ['done', true],
        ['head', 200, ['connection', 'keep-alive', 'content-length', '0'], true],
      ],
    ],
    [
      'informational ones before it',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
      [
        ['informational', 100],
        ['informational', 103],
        ['done', true],
        ['head', 200, ['content-length', '0'], true],
      ],
    ],
    [
      'extra bytes behind it end the connection, not the response',
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokextra',
      [['head', 200, ['content-length', '2'], false], ['protocol-error'], ['body', 'ok']],
    ],
    [
      'bare line feeds',
      'HTTP/1.1 200 OK\ncontent-length: 0\n\n',
      [
        ['done', true],
        ['head', 200, ['content-length', '0'], true],
      ],
    ],
    [
      'no reason phrase',
      'HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n',
      [
        ['done', true],
        ['head', 200, ['content-length', '0'], true],
      ],
    ],
    [
      'status 600',
      'HTTP/1.1 600 X\r\ncontent-length: 0\r\n\r\n',
      [
        ['done', true],
        ['head', 600, ['content-length', '0'], true],
      ],
    ],
  ])('%s', (_name, text, events) => {
    expect(run(text)).toEqual(events);
  });

  test.each([
    ['another protocol', 'HTTQ/1.1 200 OK\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na'],
    ['length and chunked', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['204 with a length', 'HTTP/1.1 204 OK\r\ncontent-length: 1\r\n\r\na'],
    ['204 chunked', 'HTTP/1.1 204 OK\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['a bad header name', 'HTTP/1.1 200 OK\r\na b: c\r\n\r\n'],
    ['101 header lines', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(101)}\r\n`],
    ['a head above 80 KiB', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(90_000)}\r\n\r\n`],
    ['a status below 100', 'HTTP/1.1 099 X\r\ncontent-length: 0\r\n\r\n'],
    ['letters as status', 'HTTP/1.1 abc X\r\n\r\n'],
  ])('protocol error: %s', (_name, text) => {
    expect(run(text)).toEqual([['protocol-error'], ['reset', 'protocol-error', '']]);
  });

  test('HEAD has no body, whatever its length says', () => {
    expect(run('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', { method: 'HEAD' })).toEqual([
      ['done', true],
      ['head', 200, ['content-length', '5'], true],
    ]);
  });

  test.each([
    ['before a byte', '', ['reset', 'connection-termination', '']],
    ['inside the head', 'HTTP/1.1 200 OK\r\ncont', ['reset', 'protocol-error', '']],
    [
      'inside a body by length',
      'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc',
      ['reset', 'protocol-error', 'abc'],
    ],
    [
      'inside a chunked body',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc',
      ['reset', 'protocol-error', 'abc'],
    ],
    ['a body that ends so', 'HTTP/1.1 200 OK\r\n\r\nabc', ['body', 'abc']],
  ])('closed %s', (_name, text, last) => {
    const rig = new ClientRig().receive(text);
    rig.codec.onClose('connection-termination', '');
    expect(rig.events.at(-1)).toEqual(last);
  });

  test('bytes on an idle connection are a protocol error', () => {
    const rig = new ClientRig().receive('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    rig.receive('HTTP/1.1 200 OK\r\n');
    expect(rig.events.at(-1)).toEqual(['protocol-error']);
  });
});

describe('requests', () => {
  test.each([
    ['GET', [], 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'],
    ['POST', [], 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n'],
    ['DELETE', ['x', 'y'], 'DELETE / HTTP/1.1\r\nhost: a\r\nx: y\r\n\r\n'],
  ])('%s without a body', (method, headers, wire) => {
    expect(new ClientRig({ method, headers }).sink.text).toBe(wire);
  });

  test('names in proper case', () => {
    const rig = new ClientRig({ headers: ['x-request-id', '1'] }, { headerKeyFormat: PROPER_CASE });
    expect(rig.sink.text).toBe('GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: 1\r\n\r\n');
  });
});

test('the same bytes give the same events, however they are cut', () => {
  const body = fc.stringMatching(/^[ -~]{0,30}$/);
  const response = fc.oneof(
    body.map((text) => `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\nx: y\r\n\r\n${text}`),
    fc
      .array(fc.stringMatching(/^[ -~]{1,12}$/), { maxLength: 4 })
      .map(
        (chunks) =>
          `HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunks
            .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`)
            .join('')}0\r\n\r\n`,
      ),
    body.map((text) => `HTTP/1.1 200 OK\r\nx: \0\r\n\r\n${text}`),
  );
  fc.assert(
    fc.property(response, fc.array(fc.nat(150), { maxLength: 10 }), (text, cuts) => {
      const whole = new ClientRig().receive(text);
      const parts = new ClientRig().receiveCut(text, cuts);
      expect(parts.events).toEqual(whole.events);
    }),
    { numRuns: 200 },
  );
});
