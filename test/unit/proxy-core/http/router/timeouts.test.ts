import { expect, test } from 'vitest';
import type { RequestHead } from '../../../../../proxy-core/base/stream-info.ts';
import {
  finalTimeouts,
  parseGrpcTimeout,
  setExpectedTimeout,
  streamDuration,
} from '../../../../../proxy-core/http/router/timeouts.ts';
import type { ClusterAction, RetryPolicy } from '../../../../../proxy-core/route/types.ts';

const head = (headers: string[]): RequestHead => ({
  method: 'GET',
  authority: 'a',
  path: '/',
  scheme: 'http',
  protocol: '',
  headers,
});
const action = (timeout: number, perTryTimeout = 0): ClusterAction =>
  ({ timeout, retryPolicy: { perTryTimeout, perTryIdleTimeout: 0 } as RetryPolicy }) as ClusterAction;

test.each<[string, number, number, string[], number, number]>([
  ['the route', 15_000, 0, [], 15_000, 0],
  ['a per-try timeout', 1000, 200, [], 1000, 200],
  ['a per-try timeout that is not less is ignored', 1000, 1000, [], 1000, 0],
  [
    'header overrides',
    1000,
    200,
    ['x-envoy-upstream-rq-timeout-ms', '50', 'x-envoy-upstream-rq-per-try-timeout-ms', '10'],
    50,
    10,
  ],
  ['an override that is no number', 1000, 0, ['x-envoy-upstream-rq-timeout-ms', 'x'], 1000, 0],
])('timeouts: %s', (_name, timeout, perTry, headers, global, perTryResult) => {
  const request = head([...headers]);
  expect(finalTimeouts(action(timeout, perTry), request)).toMatchObject({ global, perTry: perTryResult });
  expect(request.headers).toEqual([]);
});

test.each<[number, number, number, string[]]>([
  [15_000, 0, 0, ['x-envoy-expected-rq-timeout-ms', '15000']],
  [15_000, 0, 19, ['x-envoy-expected-rq-timeout-ms', '14981']],
  [15_000, 200, 0, ['x-envoy-expected-rq-timeout-ms', '200']],
  [0, 200, 0, ['x-envoy-expected-rq-timeout-ms', '200']],
  [0, 0, 0, []],
])('expected timeout of %d and %d per try after %d ms', (global, perTry, elapsed, headers) => {
  const request = head([]);
  setExpectedTimeout(
    request,
    { global, perTry, perTryIdle: 0, altResponse: false, rewritesGrpc: false },
    elapsed,
  );
  expect(request.headers).toEqual(headers);
});

test.each([
  ['3S', 3000],
  ['2M', 120_000],
  ['1H', 3_600_000],
  ['250m', 250],
  ['1500u', 1.5],
  ['123456789S', null],
  ['3', null],
  ['', null],
])('grpc-timeout %s', (text, milliseconds) => {
  expect(parseGrpcTimeout(text)).toBe(milliseconds);
});

test.each<[string, number, number | null, number, string]>([
  ['as it is', 0, null, 3000, '3000m'],
  ['capped', 500, null, 500, '500m'],
  ['less the offset', 0, 100, 2900, '2900m'],
])('a gRPC deadline, %s', (_name, max, offset, limit, sent) => {
  const request = head(['grpc-timeout', '3S']);
  const limits = { max: null, grpcTimeoutHeaderMax: max, grpcTimeoutHeaderOffset: offset };
  expect(streamDuration(limits, request)).toBe(limit);
  expect(request.headers).toEqual(['grpc-timeout', sent]);
});
