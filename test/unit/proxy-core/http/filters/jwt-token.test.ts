import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJwks, verifySignature } from '../../../../../proxy-core/http/filters/jwks.ts';
import { JwtCache } from '../../../../../proxy-core/http/filters/jwt-provider.ts';
import { JwtStatus } from '../../../../../proxy-core/http/filters/jwt-status.ts';
import { base64Url, claimAt, type Jwt, parseJwt } from '../../../../../proxy-core/http/filters/jwt-token.ts';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = (header: object, claims: object, signature = 'AA'): string =>
  `${encode(header)}.${encode(claims)}.${signature}`;

function parsed(text: string): Jwt {
  const jwt = parseJwt(text);
  if (typeof jwt === 'string') throw new Error(jwt);
  return jwt;
}

describe('a token', () => {
  test('is taken apart', () => {
    expect(
      parsed(token({ alg: 'RS256', kid: 'k' }, { iss: 'i', sub: 's', aud: 'a', exp: 5, nbf: 4, iat: 3 })),
    ).toMatchObject({
      alg: 'RS256',
      kid: 'k',
      issuer: 'i',
      subject: 's',
      audiences: ['a'],
      expires: 5,
      notBefore: 4,
      issuedAt: 3,
    });
  });

  test('whatever its bytes, never throws', () => {
    const part = fc.oneof(
      fc.string(),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const jwt = parseJwt(parts.join('.'));
        expect(typeof jwt === 'string' || jwt.alg !== '').toBe(true);
      }),
    );
  });

  test.each(['', 'A', 'AB=', 'A+B', 'A/B', 'AAAAA', ' AA'])('%j is no base64url', (text) => {
    expect(base64Url(text)).toBeNull();
  });

  test.each<[string, unknown]>([
    ['a', 1],
    ['b.c', 2],
    ['b.d', undefined],
    ['e.f', 3],
    ['__proto__', undefined],
    ['b.constructor', undefined],
  ])('claim %s', (name, value) => {
    expect(claimAt({ a: 1, b: { c: 2 }, 'e.f': 3 }, name)).toBe(value);
  });
});

describe('keys', () => {
  test.each([
    ['no json', JwtStatus.JwksJson],
    ['1', JwtStatus.JwksJson],
    ['{}', JwtStatus.JwksNoKeys],
    ['{"keys":{}}', JwtStatus.JwksBadKeys],
    ['{"keys":[]}', JwtStatus.JwksNoValidKeys],
    ['{"keys":[1,{"kty":"RSA"},{"kty":"oct"},{"kty":"what"}]}', JwtStatus.JwksNoValidKeys],
    ['-----BEGIN PUBLIC KEY-----\nnone', JwtStatus.JwksNoValidKeys],
  ])('%s: %s', (text, status) => {
    expect(parseJwks(text)).toBe(status);
  });

  test('any JSON throws nothing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (keys) => {
        parseJwks(JSON.stringify({ keys }));
        parseJwks(JSON.stringify({ keys: [keys] }));
      }),
    );
  });

  const secret = 'c2VjcmV0';
  const hmac = (header: object): string => {
    const data = `${encode(header)}.${encode({})}`;
    return `${data}.${createHmac('sha256', Buffer.from(secret, 'base64url')).update(data).digest('base64url')}`;
  };
  test.each([
    ['the key of that id', { kid: 'a' }, { kid: 'a' }, JwtStatus.Ok],
    ['a key without an id', {}, { kid: 'a' }, JwtStatus.Ok],
    ['a token without an id', { kid: 'a' }, {}, JwtStatus.Ok],
    ['another id', { kid: 'b' }, { kid: 'a' }, JwtStatus.JwksMismatch],
    ['another algorithm', { alg: 'HS512' }, {}, JwtStatus.JwksMismatch],
    ['another secret', { k: 'b3RoZXI' }, {}, JwtStatus.VerificationFail],
  ])('%s', (_what, key, header, status) => {
    const jwks = parseJwks(JSON.stringify({ keys: [{ kty: 'oct', k: secret, ...key }] }));
    if (typeof jwks === 'string') throw new Error(jwks);
    expect(verifySignature(parsed(hmac({ alg: 'HS256', ...header })), jwks)).toBe(status);
  });

  test('a public key is never taken for a shared secret', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const jwk = publicKey.export({ format: 'jwk' });
    const data = `${encode({ alg: 'HS256' })}.${encode({})}`;
    const forged = createHmac('sha256', Buffer.from(jwk.x ?? '', 'base64url'))
      .update(data)
      .digest('base64url');
    const jwks = parseJwks(JSON.stringify({ keys: [jwk] }));
    if (typeof jwks === 'string') throw new Error(jwks);
    expect(verifySignature(parsed(`${data}.${forged}`), jwks)).toBe(JwtStatus.VerificationFail);
  });

  test('a changed byte is noticed', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const data = `${encode({ alg: 'EdDSA' })}.${encode({ iss: 'i' })}`;
    const signature = sign(null, Buffer.from(data), privateKey);
    const jwks = parseJwks(JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] }));
    if (typeof jwks === 'string') throw new Error(jwks);
    expect(verifySignature(parsed(`${data}.${signature.toString('base64url')}`), jwks)).toBe(JwtStatus.Ok);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 63 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const other = Buffer.from(signature);
        other[at] = (other[at] ?? 0) ^ change;
        expect(verifySignature(parsed(`${data}.${other.toString('base64url')}`), jwks)).toBe(
          JwtStatus.VerificationFail,
        );
      }),
      { numRuns: 50 },
    );
  });
});

test('the cache forgets what was used longest ago, and takes no giants', () => {
  const cache = new JwtCache(2);
  const jwt = parsed(token({ alg: 'RS256' }, {}));
  cache.insert('a', jwt);
  cache.insert('b', jwt);
  cache.lookup('a');
  cache.insert('c', jwt);
  cache.insert('x'.repeat(5000), jwt);
  expect(['a', 'b', 'c', 'x'.repeat(5000)].map((key) => cache.lookup(key) !== null)).toEqual([
    true,
    false,
    true,
    false,
  ]);
});
