import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  GrpcFrames,
  healthRequestFrame,
  readHealthResponse,
} from '../../../../../proxy-core/upstream/health/grpc-message.ts';
import { grpcTimeout } from '../../../../../proxy-core/upstream/health/grpc-probe.ts';
import { judgeHttpAnswer } from '../../../../../proxy-core/upstream/health/http-probe.ts';
import { decodeHex, matchesPayload } from '../../../../../proxy-core/upstream/health/payload.ts';
import { proxyProtocolHeader } from '../../../../../proxy-core/upstream/health/proxy-protocol.ts';
import { clusterYaml, compiled } from '../support.ts';

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

describe('the verdict on an HTTP answer', () => {
  const verdict = (settings: string, status: number, headers: string[] = [], body = '', verifies = true) => {
    const { healthCheck } = compiled(
      clusterYaml(
        [1],
        `health_checks: [{timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, http_health_check: {path: /hc, ${settings}}}]`,
      ),
    );
    if (healthCheck?.check.kind !== 'http') throw new Error('no HTTP check');
    return judgeHttpAnswer(healthCheck.check, { status, headers }, bytes(body), () => verifies);
  };

  test.each([
    ['', 200, [], '', 'success', '200 OK'],
    ['', 201, [], '', 'failure', '201 Created'],
    ['expected_statuses: [{start: 200, end: 300}]', 299, [], '', 'success', '299 Unknown'],
    ['expected_statuses: [{start: 200, end: 300}]', 300, [], '', 'failure', '300 Multiple Choices'],
    ['receive: [{text: "6f6b"}]', 200, [], 'all ok', 'success', '200 OK'],
    [
      'receive: [{text: "6f6b"}]',
      200,
      [],
      'all bad',
      'failure',
      '200 OK, and its body lacks the expected bytes',
    ],
    ['', 200, ['x-envoy-degraded', ''], '', 'success', '200 OK, degraded'],
    [
      'service_name_matcher: {prefix: shop}',
      200,
      ['x-envoy-upstream-healthchecked-cluster', 'shop-1'],
      '',
      'success',
      '200 OK',
    ],
    [
      'service_name_matcher: {prefix: shop}',
      200,
      ['x-envoy-upstream-healthchecked-cluster', 'cart'],
      '',
      'failure',
      '200 OK from the service “cart”',
    ],
    [
      'service_name_matcher: {prefix: shop}',
      200,
      [],
      '',
      'failure',
      '200 OK from a service that gives no name',
    ],
  ])('%s, %i %o %s: %s', (settings, status, headers, body, kind, answer) => {
    expect(verdict(settings, status, headers, body)).toMatchObject({ kind, answer });
  });

  test('the runtime may switch the comparison of names off', () => {
    expect(verdict('service_name_matcher: {exact: shop}', 200, [], '', false).kind).toBe('success');
  });

  test.each([
    [503, { retriable: true, exclude: false }],
    [500, { retriable: false, exclude: false }],
  ])('%i with 503 as retriable status: %o', (status, expected) => {
    expect(verdict('retriable_statuses: [{start: 503, end: 504}]', status)).toMatchObject(expected);
  });

  test('x-envoy-immediate-health-check-fail excludes with a bad answer, not with a good one', () => {
    const headers = ['x-envoy-immediate-health-check-fail', 'true'];
    expect(verdict('', 503, headers)).toMatchObject({ kind: 'failure', exclude: true });
    expect(verdict('', 200, headers).kind).toBe('success');
  });
});

describe('payloads', () => {
  test.each([
    ['', ''],
    ['00ff', '\x00\xff'],
    ['6F6b', 'ok'],
  ])('hex %s', (text, expected) => {
    expect(Buffer.from(decodeHex(text) ?? []).toString('latin1')).toBe(expected);
  });

  test.each(['0', 'xyz', '0g', ' 00'])('no hex: %j', (text) => {
    expect(decodeHex(text)).toBeNull();
  });

  test.each([
    [[], '', true],
    [['a'], '', false],
    [['ab', 'cd'], 'xabxcdx', true],
    [['cd', 'ab'], 'xabxcdx', false],
    [['aa', 'a'], 'aaa', true],
    [['aa', 'aa'], 'aaa', false],
  ])('%j in %j: %s', (segments, text, expected) => {
    expect(matchesPayload(segments.map(bytes), bytes(text))).toBe(expected);
  });

  test('what was put together from the segments matches, in any surroundings', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.uint8Array(), fc.uint8Array())), (parts) => {
        const whole = Buffer.concat(parts.flat());
        expect(
          matchesPayload(
            parts.map(([, segment]) => segment),
            whole,
          ),
        ).toBe(true);
      }),
    );
  });
});

describe('grpc.health.v1', () => {
  test.each([
    ['', '0000000000'],
    ['shop', '00000000060a0473686f70'],
  ])('request for %j', (service, hex) => {
    expect(Buffer.from(healthRequestFrame(service)).toString('hex')).toBe(hex);
  });

  test.each([
    ['', 'UNKNOWN'],
    ['0801', 'SERVING'],
    ['0802', 'NOT_SERVING'],
    ['0803', 'SERVICE_UNKNOWN'],
    ['0863', 'UNKNOWN'],
    // Unknown fields of every kind stand before it.
    ['1005 1a0161 2500000000 290000000000000000 0801', 'SERVING'],
    ['08', null],
    ['1a05', null],
    ['0b', null],
    ['00', null],
  ])('response %s: %s', (hex, expected) => {
    expect(readHealthResponse(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toBe(expected);
  });

  test('any bytes are a message or none', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (message) => {
        const read = readHealthResponse(message);
        expect([null, 'UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']).toContain(read);
      }),
    );
  });

  test('frames come out as they went in, however they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 })),
        fc.integer({ min: 1, max: 7 }),
        (messages, step) => {
          const wire = Buffer.concat(
            messages.map((message) => {
              const head = Buffer.alloc(5);
              head.writeUInt32BE(message.length, 1);
              return Buffer.concat([head, message]);
            }),
          );
          const frames = new GrpcFrames();
          const read: Uint8Array[] = [];
          for (let at = 0; at < wire.length; at += step) {
            read.push(...(frames.add(wire.subarray(at, at + step), 1000) ?? []));
          }
          expect(read.map((each) => [...each])).toEqual(messages.map((each) => [...each]));
        },
      ),
    );
  });

  test.each([
    ['0100000000', 'compressed'],
    ['0000010000', 'too long'],
  ])('frame %s is %s', (hex) => {
    expect(new GrpcFrames().add(Buffer.from(hex, 'hex'), 1000)).toBeNull();
  });

  test.each([
    [1000, '1000m'],
    [99_999_999, '99999999m'],
    [100_000_000, '100000S'],
    [100_000_000_000, '1666666M'],
  ])('grpc-timeout of %i ms: %s', (milliseconds, expected) => {
    expect(grpcTimeout(milliseconds)).toBe(expected);
  });
});

test.each([
  ['V1', '127.0.0.1', 'PROXY TCP4 127.0.0.1 127.0.0.1 40000 80\r\n'],
  ['V1', '::1', 'PROXY TCP6 ::1 ::1 40000 80\r\n'],
  ['V2', '127.0.0.1', '\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00'],
] as const)('PROXY protocol %s from %s', (version, address, expected) => {
  const header = proxyProtocolHeader(version, {
    localAddress: address,
    localPort: 40000,
    remoteAddress: address,
    remotePort: 80,
  });
  expect(Buffer.from(header).toString('latin1')).toBe(expected);
});
