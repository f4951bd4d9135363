/**
 * How a check of a token ends; the text is what the client reads (jwt_verify_lib: getStatusString). In the order of
 * its enumeration up to the last but one, with places for those that cannot happen here.
 */
export const JwtStatus = {
  Ok: 'OK',
  Missed: 'Jwt is missing',
  NotYetValid: 'Jwt not yet valid',
  Expired: 'Jwt is expired',
  BadFormat: 'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections',
  HeaderBase64: 'Jwt header is an invalid Base64url encoded',
  HeaderJson: 'Jwt header is an invalid JSON',
  HeaderAlg: 'Jwt header [alg] field is required and must be a string',
  HeaderAlgUnknown: 'Jwt header [alg] is not supported',
  HeaderKid: 'Jwt header [kid] field is not a string',
  PayloadBase64: 'Jwt payload is an invalid Base64url encoded',
  PayloadJson: 'Jwt payload is an invalid JSON',
  PayloadIss: 'Jwt payload [iss] field is not a string',
  PayloadSub: 'Jwt payload [sub] field is not a string',
  PayloadIat: 'Jwt payload [iat] field is not an integer',
  PayloadIatRange: 'Jwt payload [iat] field is not a positive 64 bit integer',
  PayloadNbf: 'Jwt payload [nbf] field is not an integer',
  PayloadNbfRange: 'Jwt payload [nbf] field is not a positive 64 bit integer',
  PayloadExp: 'Jwt payload [exp] field is not an integer',
  PayloadExpRange: 'Jwt payload [exp] field is not a positive 64 bit integer',
  PayloadJti: 'Jwt payload [jti] field is not a string',
  PayloadAud: 'Jwt payload [aud] field is not a string or string list',
  SignatureBase64: 'Jwt signature is an invalid Base64url encoded',
  Ed25519Length: 'Jwt ED25519 signature is wrong length',
  UnknownIssuer: 'Jwt issuer is not configured',
  AudienceNotAllowed: 'Audiences in Jwt are not allowed',
  VerificationFail: 'Jwt verification fails',
  MultipleTokens: 'Found multiple Jwt tokens',
  JwksJson: 'Jwks is an invalid JSON',
  JwksNoKeys: 'Jwks does not have [keys] field',
  JwksBadKeys: '[keys] in Jwks is not an array',
  JwksNoValidKeys: "Jwks doesn't have any valid public key",
  JwksMismatch: "Jwks doesn't have key to match kid or alg from Jwt",
  JwksFetchFail: 'Jwks remote fetch is failed',
} as const;

export type JwtStatus = (typeof JwtStatus)[keyof typeof JwtStatus];

const ORDER: readonly JwtStatus[] = Object.values(JwtStatus);

/** Number of a status in jwt_verify_lib, as `failed_status_in_metadata` tells it. */
export function statusNumber(status: JwtStatus): number {
  return status === JwtStatus.JwksFetchFail ? FETCH_FAIL : ORDER.indexOf(status);
}

const FETCH_FAIL = 40;
