import { constants, createHmac, createPublicKey, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import { JwtStatus } from './jwt-status.ts';
import { base64Url, type Jwt } from './jwt-token.ts';

/** The keys of a JSON Web Key Set (RFC 7517) that can be used. */
export interface Jwks {
  readonly keys: readonly JwksKey[];
}

interface JwksKey {
  /** Empty: any. */
  readonly kid: string;
  readonly alg: string;
  readonly type: 'RSA' | 'EC' | 'OKP' | 'oct';
  readonly curve: string;
  /** Null for `oct`. */
  readonly key: KeyObject | null;
  readonly secret: Buffer | null;
}

/** Reads a key set. Keys that cannot be used are left out; a set without any is an error. Never throws. */
export function parseJwks(text: string): Jwks | JwtStatus {
  if (text.includes('-----BEGIN')) return pemKeys(text);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return JwtStatus.JwksJson;
  }
  if (typeof json !== 'object' || json === null) return JwtStatus.JwksJson;
  const { keys } = json as { keys?: unknown };
  if (keys === undefined) return JwtStatus.JwksNoKeys;
  if (!Array.isArray(keys)) return JwtStatus.JwksBadKeys;
  const usable = keys.map(readKey).filter((key) => key !== null);
  return usable.length === 0 ? JwtStatus.JwksNoValidKeys : { keys: usable };
}

function readKey(value: unknown): JwksKey | null {
  if (typeof value !== 'object' || value === null) return null;
  const jwk = value as Record<string, unknown>;
  const text = (name: string): string => (typeof jwk[name] === 'string' ? (jwk[name] as string) : '');
  const type = text('kty');
  const common = { kid: text('kid'), alg: text('alg'), curve: text('crv'), key: null, secret: null };
  if (type === 'oct') {
    const secret = base64Url(text('k'));
    return secret === null ? null : { ...common, type, secret };
  }
  if (type !== 'RSA' && type !== 'EC' && type !== 'OKP') return null;
  try {
    return { ...common, type, key: createPublicKey({ key: jwk, format: 'jwk' }) };
  } catch {
    return null;
  }
}

function pemKeys(text: string): Jwks | JwtStatus {
  try {
    const key = createPublicKey(text);
    const type = key.asymmetricKeyType === 'rsa' ? 'RSA' : key.asymmetricKeyType === 'ec' ? 'EC' : 'OKP';
    return { keys: [{ kid: '', alg: '', curve: '', type, key, secret: null }] };
  } catch {
    return JwtStatus.JwksNoValidKeys;
  }
}

/** Looks for a key that fits and verifies (jwt_verify_lib: verifyJwtWithoutTimeChecking). */
export function verifySignature(jwt: Jwt, jwks: Jwks): JwtStatus {
  let matched = false;
  for (const key of jwks.keys) {
    if (jwt.kid !== '' && key.kid !== '' && key.kid !== jwt.kid) continue;
    if (key.alg !== '' && key.alg !== jwt.alg) continue;
    matched = true;
    if (verifies(jwt, key)) return JwtStatus.Ok;
  }
  return matched ? JwtStatus.VerificationFail : JwtStatus.JwksMismatch;
}

const CURVES: Readonly<Record<string, string>> = {
  ES256: 'prime256v1',
  ES384: 'secp384r1',
  ES512: 'secp521r1',
};

function verifies(jwt: Jwt, { type, key, secret }: JwksKey): boolean {
  const { alg, signature } = jwt;
  const data = Buffer.from(jwt.signed, 'latin1');
  const hash = `sha${alg.slice(2)}`;
  try {
    if (secret !== null) {
      if (!alg.startsWith('HS')) return false;
      const expected = createHmac(hash, secret).update(data).digest();
      return expected.length === signature.length && timingSafeEqual(expected, signature);
    }
    if (key === null) return false;
    if (type === 'RSA' && alg.startsWith('RS')) return verify(hash, data, key, signature);
    if (type === 'RSA' && alg.startsWith('PS')) {
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      return verify(hash, data, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, signature);
    }
    if (type === 'EC' && alg.startsWith('ES')) {
      if (key.asymmetricKeyDetails?.namedCurve !== CURVES[alg]) return false;
      return verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, signature);
    }
    if (type === 'OKP' && alg === 'EdDSA') return verify(null, data, key, signature);
    return false;
  } catch {
    // A signature of a shape that the key cannot even be asked about.
    return false;
  }
}
