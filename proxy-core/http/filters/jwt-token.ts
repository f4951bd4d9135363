import { JwtStatus } from './jwt-status.ts';

/** A token taken apart (RFC 7519, in the compact form of RFC 7515). Times in seconds since 1970, 0 = none. */
export interface Jwt {
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly alg: string;
  readonly kid: string;
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  readonly notBefore: number;
  readonly expires: number;
  readonly issuedAt: number;
  /** Header and payload as they were sent, with the dot between: what is signed. */
  readonly signed: string;
  readonly payloadText: string;
  readonly signature: Buffer;
}

const ALGORITHMS = new Set([
  'ES256',
  'ES384',
  'ES512',
  'HS256',
  'HS384',
  'HS512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
]);

/** Takes a token apart in the order of jwt_verify_lib, so that the first thing wrong is the same. Never throws. */
export function parseJwt(text: string): Jwt | JwtStatus {
  const parts = text.split('.');
  const [headerText = '', payloadText = '', signatureText = ''] = parts;
  if (parts.length !== 3 || parts.includes('')) return JwtStatus.BadFormat;
  const headerBytes = base64Url(headerText);
  if (headerBytes === null) return JwtStatus.HeaderBase64;
  const header = jsonObject(headerBytes);
  if (header === null) return JwtStatus.HeaderJson;
  const { alg, kid = '' } = header;
  if (typeof alg !== 'string') return JwtStatus.HeaderAlg;
  if (!ALGORITHMS.has(alg)) return JwtStatus.HeaderAlgUnknown;
  if (typeof kid !== 'string') return JwtStatus.HeaderKid;
  const payloadBytes = base64Url(payloadText);
  if (payloadBytes === null) return JwtStatus.PayloadBase64;
  const payload = jsonObject(payloadBytes);
  if (payload === null) return JwtStatus.PayloadJson;
  const { iss = '', sub = '', iat = 0, nbf = 0, exp = 0, jti = '', aud = [] } = payload;
  if (typeof iss !== 'string') return JwtStatus.PayloadIss;
  if (typeof sub !== 'string') return JwtStatus.PayloadSub;
  if (typeof iat !== 'number') return JwtStatus.PayloadIat;
  if (!inRange(iat)) return JwtStatus.PayloadIatRange;
  if (typeof nbf !== 'number') return JwtStatus.PayloadNbf;
  if (!inRange(nbf)) return JwtStatus.PayloadNbfRange;
  if (typeof exp !== 'number') return JwtStatus.PayloadExp;
  if (!inRange(exp)) return JwtStatus.PayloadExpRange;
  if (typeof jti !== 'string') return JwtStatus.PayloadJti;
  const audiences = typeof aud === 'string' ? [aud] : aud;
  if (!isStrings(audiences)) return JwtStatus.PayloadAud;
  const signature = base64Url(signatureText);
  if (signature === null) return JwtStatus.SignatureBase64;
  return {
    header,
    payload,
    alg,
    kid,
    issuer: iss,
    subject: sub,
    audiences,
    notBefore: nbf,
    expires: exp,
    issuedAt: iat,
    signed: `${headerText}.${payloadText}`,
    payloadText,
    signature,
  };
}

/** A whole second that 64 bits can hold; fractions are cut off. */
function inRange(time: number): boolean {
  return time >= 0 && time < 2 ** 63;
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

/** Base64url without padding; null for anything else, and for nothing. */
export function base64Url(text: string): Buffer | null {
  if (!/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) return null;
  return Buffer.from(text, 'base64url');
}

function jsonObject(bytes: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return value as Record<string, unknown>;
  } catch {
    return null;
  }
}

/** A claim by its name, or by its dotted path; undefined when it is not there. */
export function claimAt(payload: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name];
  let value: unknown = payload;
  for (const key of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}
