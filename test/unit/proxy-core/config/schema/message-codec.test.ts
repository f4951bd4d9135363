import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AttacheError } from '../../../../../proxy-core/base/errors.ts';
import { messageCodec } from '../../../../../proxy-core/config/schema/message-codec.ts';

describe('messages of services', () => {
  test('a check request is written and read again', () => {
    const codec = messageCodec('envoy.service.auth.v3.CheckRequest');
    const bytes = codec.encode({
      attributes: { request: { http: { method: 'GET', headers: { a: 'b' }, size: -1n } } },
    });
    const { attributes } = codec.decode(bytes) as never as {
      attributes: { request: { http: Record<string, unknown> } };
    };
    expect(attributes.request.http).toMatchObject({ method: 'GET', headers: { a: 'b' }, size: -1n });
  });

  test('the bytes are those of the wire format', () => {
    const bytes = messageCodec('envoy.service.ratelimit.v3.RateLimitRequest').encode({
      domain: 'd',
      hitsAddend: 3,
    });
    expect([...bytes]).toEqual([0x0a, 1, 0x64, 0x18, 3]);
  });

  test('a oneof is a case and its value', () => {
    const codec = messageCodec('envoy.service.auth.v3.CheckResponse');
    const bytes = codec.encode({ httpResponse: { case: 'deniedResponse', value: { body: 'no' } } });
    expect(codec.decode(bytes)).toMatchObject({
      httpResponse: { case: 'deniedResponse', value: { body: 'no' } },
    });
  });

  test('any other bytes are refused with a code, never otherwise', () => {
    const codec = messageCodec('envoy.service.auth.v3.CheckResponse');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          codec.decode(bytes);
        } catch (error) {
          expect((error as AttacheError).code).toBe('config.malformed-message');
        }
      }),
    );
  });

  test('a type that the API lacks is a defect', () => {
    expect(() => messageCodec('envoy.service.auth.v3.Nothing')).toThrow(AttacheError);
  });
});
