import { describe, expect, test } from 'vitest';
import type { Attempt, StreamInfo, TlsInfo } from '../../../../../proxy-core/base/stream-info.ts';
import { compileFormat, formatError } from '../../../../../proxy-core/route/formatter/format.ts';
import { compileJsonFormat } from '../../../../../proxy-core/route/formatter/json-format.ts';
import { HEADER_FORMAT, LOG_FORMAT } from '../../../../../proxy-core/route/formatter/operator.ts';
import { OPERATOR_NAMES } from '../../../../../proxy-core/route/formatter/parse.ts';
import { timeFormat } from '../../../../../proxy-core/route/formatter/strftime.ts';
import {
  compileSubstitutionFormat,
  DEFAULT_LOG_FORMAT,
} from '../../../../../proxy-core/route/formatter/substitution-format.ts';
import { head, type Reported, readMessage, streamInfo, testContext } from '../support.ts';

const attempt: Attempt = {
  hostAddress: '127.0.0.1:9003',
  reason: '',
  hostName: '',
  status: 200,
  resetReason: '',
  transportFailureReason: '',
  upstreamConnectionId: 2,
  random: 0,
  hostSetId: 1,
  position: -1,
  circumstances: null,
  started: 1000.5,
  connectStarted: 1000.6,
  connected: 1001,
  secured: -1,
  poolReady: 1002.7,
  sentFirst: 1002.8,
  sentLast: 1004.2,
  firstByte: 1005.1,
  lastByte: 1005.8,
};

const tls: TlsInfo = {
  version: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  sessionId: '',
  alpn: 'h2',
  peer: {
    subject: 'CN=client.example.test,O=Example',
    issuer: 'CN=ca',
    serial: '0a',
    uriSans: ['spiffe://example.test/client'],
    dnsSans: ['a.test', 'b.test'],
    ipSans: [],
    fingerprint256: 'ff',
    fingerprint1: 'ee',
    validFrom: Date.UTC(2026, 10, 22, 15, 26, 44),
    validTo: Date.UTC(2027, 10, 22, 15, 26, 44),
    pem: '-----BEGIN',
  },
  local: null,
};

const full = (): StreamInfo =>
  streamInfo({
    requestHead: head('/inventory/items', ['user-agent', 'curl/7.88.1', 'x-request-id', '7ec9b85b']),
    responseHead: { status: 503, headers: ['x-envoy-upstream-service-time', '1', 'server', 'envoy'] },
    responseTrailers: ['x-sum', 'abc'],
    responseCode: 503,
    responseCodeDetails: 'via upstream',
    attempts: [attempt],
    routeName: 'route_one',
    connection: { ...streamInfo().connection, tls, requestedServerName: 'www.example.test' },
    dynamicMetadata: new Map([['ns', { k: 'v1', n: 3, deep: { a: [1] } }]]),
  });

const line = (text: string, info = full(), options = LOG_FORMAT): string =>
  compileFormat(text, options, (message) => {
    throw new Error(message);
  }).format(info);

test('the default line', () => {
  expect(line(DEFAULT_LOG_FORMAT)).toBe(
    '[2026-11-22T15:27:03.322Z] "GET /inventory/items HTTP/1.1" 503 - 0 292 5 1 "-" "curl/7.88.1" "7ec9b85b" "shop.test" "127.0.0.1:9003"\n',
  );
});

describe('operators', () => {
  test.each<[string, string]>([
    ['%START_TIME%', '2026-11-22T15:27:03.322Z'],
    ['%START_TIME(%s)%', '1795361223'],
    ['%START_TIME(%s.%3f)%', '1795361223.322'],
    ['%START_TIME(%Y/%m/%d %H:%M:%S.%6f)%', '2026/11/22 15:27:03.322000'],
    ['%START_TIME(%E4n)%', '%E4n'],
    ['%START_TIME(%Q)%', '%Q'],
    ['%EMIT_TIME%', '2026-11-22T15:27:03.327Z'],
    ['%REQ(:METHOD)% %REQ(:Scheme)% %REQ(Host)%', 'GET http shop.test'],
    ['%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%', '/inventory/items'],
    ['%REQ(nope?also-nope)%', '-'],
    ['%REQ(USER-AGENT):4%', 'curl'],
    ['%RESP(server)% %RESP(:status)%', 'envoy 503'],
    ['%TRAILER(X-SUM)%', 'abc'],
    ['%PROTOCOL% %UPSTREAM_PROTOCOL%', 'HTTP/1.1 HTTP/1.1'],
    ['%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%', '503 via_upstream'],
    ['%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%', '- -'],
    ['%BYTES_RECEIVED% %BYTES_SENT%', '0 292'],
    ['%DURATION% %REQUEST_DURATION% %REQUEST_TX_DURATION%', '5 0 4'],
    ['%RESPONSE_DURATION% %RESPONSE_TX_DURATION%', '5 0'],
    ['%COMMON_DURATION(US_CX_BEG:DS_TX_END:us)%', '5299'],
    ['%COMMON_DURATION(US_HS_END:DS_TX_END:ms)%', '-'],
    ['%UPSTREAM_CONNECTION_POOL_READY_DURATION%', '2'],
    ['%UPSTREAM_REQUEST_ATTEMPT_COUNT%', '1'],
    ['%ROUTE_NAME% %VIRTUAL_CLUSTER_NAME% %UPSTREAM_CLUSTER%', 'route_one - inventory_service'],
    [
      '%UPSTREAM_HOST% %UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %UPSTREAM_REMOTE_PORT%',
      '127.0.0.1:9003 127.0.0.1 9003',
    ],
    ['%UPSTREAM_LOCAL_ADDRESS% %UPSTREAM_LOCAL_PORT%', '127.0.0.1:43340 43340'],
    ['%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS%', '8.8.8.8:0 127.0.0.1:51608'],
    ['%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_PORT%', '127.0.0.1 10000'],
    ['%CONNECTION_ID% %UPSTREAM_CONNECTION_ID% %STREAM_ID% %TRACE_ID%', '3 2 the-id -'],
    ['%REQUESTED_SERVER_NAME% %FILTER_CHAIN_NAME%', 'www.example.test -'],
    [
      '%DOWNSTREAM_TLS_VERSION% %DOWNSTREAM_TLS_CIPHER% %DOWNSTREAM_TLS_SESSION_ID%',
      'TLSv1.3 TLS_AES_256_GCM_SHA384 -',
    ],
    ['%DOWNSTREAM_PEER_SUBJECT%', 'CN=client.example.test,O=Example'],
    ['%DOWNSTREAM_PEER_DNS_SAN% %DOWNSTREAM_PEER_IP_SAN%', 'a.test,b.test -'],
    ['%DOWNSTREAM_PEER_CERT_V_START%', '2026-11-22T15:26:44.000Z'],
    ['%DOWNSTREAM_PEER_CERT_V_END(%F)%', '2027-11-22'],
    ['%UPSTREAM_PEER_SUBJECT% %UPSTREAM_TLS_VERSION%', '- -'],
    ['%DYNAMIC_METADATA(ns:k)% %DYNAMIC_METADATA(ns:deep)% %DYNAMIC_METADATA(no:k)%', 'v1 {"a":[1]} -'],
    ['%FILTER_STATE(k:PLAIN)%', '-'],
    ['%LOCAL_REPLY_BODY%|%ACCESS_LOG_TYPE%', '|NotSet'],
    ['%GRPC_STATUS%', '-'],
    ['100%%', '100%'],
    ['', ''],
  ])('%s → %s', (text, wanted) => expect(line(text)).toBe(wanted));

  test('flags keep their order', () => {
    const info = streamInfo({ responseFlags: ['URX', 'UF'] });
    expect(line('%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%', info)).toBe(
      'URX,UF UpstreamRetryLimitExceeded,UpstreamConnectionFailure',
    );
  });
  test.each<[string[], string[] | null, string]>([
    [['grpc-status', '14'], null, 'Unavailable UNAVAILABLE 14 14'],
    [[], ['grpc-status', '1'], 'Canceled CANCELLED 1 1'],
    [[], ['grpc-status', '99'], '99 99 99 99'],
    [[], ['grpc-status', 'x'], 'InvalidCode INVALID_CODE -1 -1'],
    [[], null, 'Unimplemented UNIMPLEMENTED 12 12'],
  ])('gRPC status of headers %j and trailers %j', (headers, responseTrailers, wanted) => {
    const info = streamInfo({
      requestHead: head('/', ['content-type', 'application/grpc']),
      responseHead: { status: 200, headers },
      responseTrailers,
      responseCode: 404,
    });
    expect(
      line('%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS(NUMBER)% %GRPC_STATUS_NUMBER%', info),
    ).toBe(wanted);
  });
  test('missing values are empty in headers and with omit_empty_values', () => {
    expect(line('a%REQ(nope)%b', full(), HEADER_FORMAT)).toBe('ab');
  });
  test('no flags are a dash where a missing value is nothing', () => {
    expect(line('%RESPONSE_FLAGS%|%RESPONSE_FLAGS_LONG%', full(), HEADER_FORMAT)).toBe('-|-');
  });
  test('the body of a local reply is known to local reply formats only', () => {
    const info = streamInfo({ localReplyBody: 'no healthy upstream' });
    expect(line('%LOCAL_REPLY_BODY%', info)).toBe('');
    expect(line('%LOCAL_REPLY_BODY%', info, { ...LOG_FORMAT, localReply: true })).toBe('no healthy upstream');
  });
  test('a cluster shows its alternative name, its own as raw, and neither when it does not exist', () => {
    const text = '%UPSTREAM_CLUSTER% %UPSTREAM_CLUSTER_RAW%';
    expect(line(text, streamInfo({ clusterName: 'a', clusterStatName: 'alt' }))).toBe('alt a');
    expect(line(text, streamInfo({ clusterName: 'nope', clusterStatName: '' }))).toBe('- -');
  });
  test('an empty authority is there', () => {
    const info = streamInfo({ requestHead: { ...head('/'), authority: '' } });
    expect(line('[%REQ(:AUTHORITY)%]', info)).toBe('[]');
  });
  test('every operator works on a stream of which nothing is known yet', () => {
    const early = streamInfo({
      end: -1,
      responseFirst: -1,
      requestComplete: -1,
      upstreamHost: '',
      clusterName: '',
      clusterStatName: '',
    });
    for (const name of OPERATOR_NAMES) {
      for (const text of [`%${name}%`, `%${name}(a:b:ms)%`]) {
        if (formatError(text, LOG_FORMAT) === null) expect(line(text, early)).toEqual(expect.any(String));
      }
    }
  });
});

describe('load errors', () => {
  test.each<[string, string]>([
    ['%FOO%', 'Not supported field in StreamInfo: FOO'],
    ['%duration%', "Incorrect configuration: %duration%. Couldn't find valid command at position 0"],
    ['100% x', "Incorrect configuration: 100% x. Couldn't find valid command at position 3"],
    ['%REQ%', 'REQ requires parameters'],
    ['%REQ()%', 'REQ requires parameters'],
    ['%REQ(A?B?C)%', 'More than 1 alternative header specified in token: A?B?C'],
    ['%DURATION:3%', 'DURATION does not take any parameters or length'],
    ['%DURATION(x)%', 'DURATION does not take any parameters or length'],
    ['%REQ(X):abc%', "Incorrect configuration: %REQ(X):abc%. Couldn't find valid command at position 0"],
    ['%', "Incorrect configuration: %. Couldn't find valid command at position 0"],
  ])('%s', (text, message) => expect(formatError(text, LOG_FORMAT)).toBe(message));
});

describe('JSON', () => {
  const json = (value: unknown, info = full()): string =>
    compileJsonFormat(value, LOG_FORMAT, (message) => {
      throw new Error(message);
    }).format(info);
  test.each<[unknown, string]>([
    [{}, '{}'],
    [{ b: '%DURATION%', a: '%REQ(nope)%' }, '{"a":null,"b":5}'],
    [{ a: '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%' }, '{"a":"1"}'],
    [{ a: '%START_TIME(%s)%' }, '{"a":"1795361223"}'],
    [{ a: 'x %REQ(nope)% y %BYTES_SENT%' }, '{"a":"x - y 292"}'],
    [{ a: 1, b: 1.5 }, '{"a":1,"b":"1.5"}'],
    [{ z: [1, '%PROTOCOL%', { y: 'ü"\n' }] }, '{"z":[1,"HTTP/1.1",{"y":"ü\\"\\n"}]}'],
    [{ m: '%DYNAMIC_METADATA(ns)%' }, '{"m":{"deep":{"a":[1]},"k":"v1","n":3}}'],
    [{ a: '%REQ(USER-AGENT):4%' }, '{"a":"curl"}'],
    [{ a: '' }, '{"a":""}'],
  ])('%j → %s', (value, wanted) => expect(json(value)).toBe(`${wanted}\n`));
  test.each([true, null])('%j is no value of a format', (value) => {
    expect(() => json({ a: value })).toThrow(
      /^Only string values, nested structs, list values and number values/,
    );
  });
});

describe('SubstitutionFormatString', () => {
  const compile = (yaml: string) => {
    const reported: Reported[] = [];
    const { reader } = readMessage(yaml, 'envoy.config.core.v3.SubstitutionFormatString');
    return { format: compileSubstitutionFormat(reader, testContext(reported)), reported };
  };
  test.each<[string, string, string]>([
    ['text_format_source: {inline_string: "%REQ(nope)% x\\n"}', '- x\n', 'text/plain'],
    ['text_format_source: {filename: /body.txt}', 'from a file', 'text/plain'],
    ['{text_format: "%REQ(nope)%", omit_empty_values: true}', '', 'text/plain'],
    ['{json_format: {a: "%REQ(nope)% x"}, omit_empty_values: true}', '{"a":" x"}\n', 'application/json'],
    [
      '{json_format: {a: "%DURATION%"}, content_type: application/problem+json}',
      '{"a":5}\n',
      'application/problem+json',
    ],
  ])('%s', (yaml, text, contentType) => {
    const { format, reported } = compile(yaml);
    expect({ text: format.format(full()), contentType: format.contentType, reported }).toEqual({
      text,
      contentType,
      reported: [],
    });
  });
  test('a wrong one is told at its field', () => {
    expect(compile('json_format: {a: "%FOO%"}').reported).toMatchObject([
      { severity: 'error', path: 'json_format', message: 'Not supported field in StreamInfo: FOO' },
    ]);
  });
});

describe('strftime', () => {
  const wall = Date.UTC(2024, 1, 9, 4, 5, 6, 78);
  test.each<[string, string]>([
    ['%a %A %b %B %d %e %j', 'Fri Friday Feb February 09  9 040'],
    ['%D %F %T %R %r', '02/09/24 2024-02-09 04:05:06 04:05 04:05:06 AM'],
    ['%y %C %u %w %p %I', '24 20 5 5 AM 04'],
    ['%G-%V %U %W', '2024-06 05 06'],
    ['%1f %9f %E3S %E*S %Z %z %Ez', '0 078000000 06.078 06.078 UTC +0000 +00:00'],
    ['%c%%%n', 'Fri Feb  9 04:05:06 2024%\n'],
  ])('%s → %s', (format, wanted) => expect(timeFormat(format, false)(wall)).toBe(wanted));
});
