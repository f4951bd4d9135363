import { fuzzConfig } from './config.ts';
import {
  fuzzBinary,
  fuzzGrpcFrames,
  fuzzHeaderValues,
  fuzzJsonArray,
  fuzzJwt,
  fuzzTemplates,
} from './filters.ts';
import { fuzzHttp1Client, fuzzHttp1Server } from './http1.ts';
import { fuzzHttp2Client, fuzzHttp2Server, fuzzInspectors } from './http2.ts';
import { fuzzFilter, fuzzObserve } from './observe.ts';
import { fuzzProxyProtocol } from './proxy-protocol.ts';
import { fuzzFormat, fuzzHpack, fuzzPath, fuzzRegex } from './pure.ts';

export interface FuzzTarget {
  readonly name: string;
  /** Throws when something is wrong. */
  readonly run: (bytes: Uint8Array) => void;
  /** Inputs that mean something, to start from. */
  readonly seeds: readonly (string | Uint8Array)[];
  /** Words that an input is likely to be made of. */
  readonly words: readonly string[];
}

const BOOTSTRAP = `static_resources:
  listeners:
  - name: main
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: main
          route_config:
            name: r
            virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: a } }] }]
          http_filters: [{ name: envoy.filters.http.router }]
  clusters:
  - { name: a, connect_timeout: 0.25s, type: STATIC }
`;

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

function http2(start: string, ...hex: string[]): Uint8Array {
  return Buffer.concat([Buffer.from(start, 'latin1'), Buffer.from(hex.join(''), 'hex')]);
}

/** Every target; `main.ts` runs them in turn. */
export const TARGETS: readonly FuzzTarget[] = [
  {
    name: 'config',
    run: fuzzConfig,
    seeds: [BOOTSTRAP, '{"admin":{"address":{"pipe":{"path":"/x"}}}}', 'a: &a [*a]', 'listeners: []\n'],
    words: [
      '"@type": ',
      '\n  - ',
      ': ',
      '{',
      '}',
      '[',
      ']',
      '&a ',
      '*a',
      '<<: ',
      '!!str ',
      '|-\n',
      '1s',
      '\t',
    ],
  },
  {
    name: 'http2-server',
    run: fuzzHttp2Server,
    seeds: [
      http2(PREFACE, '000000040000000000', '00000b0105000000018286844186a0e41d139d09'),
      http2(
        PREFACE,
        '000000040000000000',
        '000004010400000001828684410161',
        '0000030001000000016162630000040300000000010000000800000408000000000000000005',
      ),
    ],
    words: [
      '\0\0\0\x04\x01\0\0\0\0',
      '\0\0\0\x01\x05\0\0\0\x03',
      '\0\0\x01\0\x01\0\0\0\x01',
      '\0\0\x08\x06\0\0\0\0\0',
    ],
  },
  {
    name: 'http2-client',
    run: fuzzHttp2Client,
    seeds: [
      http2('', '000000040000000000', '00000101040000000188', '000002000100000001616200000800000000'),
      http2('', '000000040000000000', '0000080700000000000000000000000000'),
    ],
    words: ['\0\0\x01\x01\x05\0\0\0\x01\x88', '\0\0\x04\x03\0\0\0\0\x01', '\0\0\x08\x07\0\0\0\0\0'],
  },
  {
    name: 'inspectors',
    run: fuzzInspectors,
    seeds: ['GET / HTTP/1.1\r\n', 'PRI * HTTP/2.0\r\n', Uint8Array.from([22, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3])],
    words: ['\x16\x03\x01\0\x10\x01\0\0\x0c\x03\x03', '\0\0', '\0\x10', ' HTTP/1.0\r\n'],
  },
  {
    name: 'proxy-protocol',
    run: fuzzProxyProtocol,
    seeds: [
      'PROXY TCP4 1.2.3.4 5.6.7.8 111 222\r\nGET',
      'PROXY UNKNOWN\r\n',
      'PROXY TCP6 2001:db8::1 ::1 111 222\r\n',
      http2('\r\n\r\n\0\r\nQUIT\n', '21110011', '0102030405060708006400c8', '0200026162'),
      http2('\r\n\r\n\0\r\nQUIT\n', '20000000'),
    ],
    words: ['\r\n', ' ', 'PROXY ', 'TCP6', '::', '\x21\x21\0\x24', '\x20', '\0\x0c', '\xff\xff'],
  },
  {
    name: 'http1-server',
    run: fuzzHttp1Server,
    seeds: [
      'GET /x HTTP/1.1\r\nhost: a\r\n\r\n',
      'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3;e=1\r\nabc\r\n0\r\nt: 1\r\n\r\n',
      'POST http://a:1/b HTTP/1.0\r\ncontent-length: 3\r\nconnection: keep-alive\r\n\r\nabcGET / HTTP/1.1\r\n\r\n',
      'CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n',
    ],
    words: [
      '\r\n',
      '\n',
      'GET ',
      ' HTTP/1.1',
      'content-length: ',
      'transfer-encoding: chunked',
      'host: ',
      '0\r\n\r\n',
      ':',
      ' ',
    ],
  },
  {
    name: 'http1-client',
    run: fuzzHttp1Client,
    seeds: [
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nraw',
      'HTTP/1.0 200 \r\n\r\nuntil the end',
    ],
    words: [
      '\r\n',
      '\n',
      'HTTP/1.1 ',
      '204',
      '304',
      'content-length: ',
      'transfer-encoding: chunked',
      '0\r\n\r\n',
    ],
  },
  {
    name: 'filter',
    run: fuzzFilter,
    seeds: ['status:5xx path:/a*', 'not (method:GET or route:"a b") duration:>10ms', 'header:x=1 body:"a"'],
    words: ['status:', 'path:', '(', ')', '"', ' or ', ' and ', 'not ', '>', '*', ':'],
  },
  {
    name: 'observe',
    run: fuzzObserve,
    seeds: ['filter=cluster.*&usedonly', 'cluster.a.b.upstream_rq_200', 'http.x.rds.y.z.config_reload'],
    words: ['cluster.', 'http.', 'listener.', '_rq_', '5xx', '%41', '&', '=', '.'],
  },
  {
    name: 'format',
    run: fuzzFormat,
    seeds: ['[%START_TIME(%s.%3f)%] "%REQ(:METHOD)% %REQ(X?Y):3%" %RESPONSE_FLAGS%\n', '%%', '%PROTOCOL%'],
    words: ['%', '%%', '%REQ(', ')%', ':', '?', 'START_TIME', 'DYNAMIC_METADATA(', '%f', '\n'],
  },
  {
    name: 'regex',
    run: fuzzRegex,
    seeds: ['/a(b|c)*\\.d{1,3}\n/abc', '(?i)[^x-z]+$\naBc', '^(\\w+)/(.*)$\nx/y'],
    words: ['(', ')', '[', ']', '*', '+', '?', '{2,5}', '\\d', '\\pL', '(?i)', '|', '^', '$', '\n'],
  },
  {
    name: 'path',
    run: fuzzPath,
    seeds: ['/a/./b/../c?x=..', '/%2e%2E/%2f%5c//', '/a%zz/\\..'],
    words: ['/', '//', '..', './', '%2e', '%2F', '%5c', '%', '?', '#', '\\'],
  },
  {
    name: 'hpack',
    run: fuzzHpack,
    seeds: [
      Uint8Array.from([
        0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
      ]),
      Uint8Array.from([0x40, 0x01, 0x61, 0x01, 0x62, 0xbe, 0x3f, 0xe1, 0x1f, 0x20]),
    ],
    words: ['\x20', '\x3f\xe1\x1f', '\x7f\xff\xff', '\xbe', '\x40\x01a\x01b', '\x00\x81\xff'],
  },
  {
    name: 'jwt',
    run: fuzzJwt,
    seeds: [
      'eyJhbGciOiJIUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJ4IiwiYXVkIjpbInkiXSwiZXhwIjoxfQ.c2ln',
      '{"keys":[{"kty":"oct","k":"c2VjcmV0","alg":"HS256"},{"kty":"RSA","n":"AQAB","e":"AQAB"}]}',
    ],
    words: ['.', 'eyJhbGciOiJub25lIn0', '=', '"kty":', '"EC"', '"crv":"P-256"', '{"keys":[', '-', '_'],
  },
  {
    name: 'grpc-frames',
    run: fuzzGrpcFrames,
    seeds: [http2('', '0000000003616263', '0000000000', '000000000164'), http2('', '0100000001aa')],
    words: ['\0\0\0\0\x01a', '\0\0\0\0\0', '\x01', '\xff\xff\xff\xff'],
  },
  {
    name: 'templates',
    run: fuzzTemplates,
    seeds: [
      '/v1/{name=shelves/*/books/**}:read\n/v1/shelves/1/books/2:read',
      '/t/{a}/x/{b=**}.m3u8\n/t/1/x/2/3.m3u8',
      http2('', '0a180a07612e70726f746f1201612204 0a024d31620670726f746f33'.replaceAll(' ', '')),
    ],
    words: ['{', '}', '=', '*', '**', '/', ':', '.', '{a=', '\n/', '\x0a\x02', '\x12'],
  },
  {
    name: 'json-array',
    run: fuzzJsonArray,
    seeds: ['[{"a":"]\\""},{"b":[1,2]}]', ' [ 1 , "x" ] ', '[]'],
    words: ['[', ']', '{', '}', ',', '"', '\\', ' '],
  },
  {
    name: 'header-values',
    run: fuzzHeaderValues,
    seeds: ['b=1; a="x y"; a=2', '100m', '99999999H'],
    words: ['a=', ';', '"', ' ', 'S', 'u', 'n', '0'],
  },
  {
    name: 'binary',
    run: fuzzBinary,
    seeds: [
      http2('', '3027', '3025a3233021301f0603551d1104183016a014060a2b060104018237140203a0060c046e616d65'),
      Uint8Array.from([8, 1]),
      Uint8Array.from([10, 4, 10, 2, 8, 1]),
    ],
    words: [
      '\x30\x80',
      '\x30\x84\xff\xff\xff\xff',
      '\xa3',
      '\x06\x03U\x1d\x11',
      '\x04',
      '\xa0',
      '\x08\x01',
      '\x1e\x02',
    ],
  },
];
