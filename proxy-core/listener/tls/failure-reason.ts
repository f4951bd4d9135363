/** What OpenSSL calls a failure, and BoringSSL's number and name for it, which Envoy logs. */
const KNOWN: readonly (readonly [RegExp, number, string])[] = [
  [/PEER_DID_NOT_RETURN_A_CERTIFICATE|peer did not return/i, 268435648, 'PEER_DID_NOT_RETURN_A_CERTIFICATE'],
  [/HTTP_REQUEST|http request/i, 268435612, 'HTTP_REQUEST'],
  [/UNSUPPORTED_PROTOCOL|unsupported protocol/i, 268435696, 'UNSUPPORTED_PROTOCOL'],
  [/NO_SHARED_CIPHER|no shared cipher/i, 268435640, 'NO_SHARED_CIPHER'],
  [/WRONG_VERSION_NUMBER|wrong version/i, 268435703, 'WRONG_VERSION_NUMBER'],
  [/ALERT_HANDSHAKE_FAILURE|sslv3 alert handshake failure/i, 268436496, 'SSLV3_ALERT_HANDSHAKE_FAILURE'],
  [/ALERT_BAD_CERTIFICATE|alert bad certificate$/i, 268436498, 'SSLV3_ALERT_BAD_CERTIFICATE'],
  [/ALERT_CERTIFICATE_EXPIRED|alert certificate expired/i, 268436501, 'SSLV3_ALERT_CERTIFICATE_EXPIRED'],
  [/ALERT_CERTIFICATE_UNKNOWN|alert certificate unknown/i, 268436502, 'SSLV3_ALERT_CERTIFICATE_UNKNOWN'],
  [/ALERT_UNKNOWN_CA|alert unknown ca/i, 268436504, 'TLSV1_ALERT_UNKNOWN_CA'],
  [/ALERT_PROTOCOL_VERSION|alert protocol version/i, 268436526, 'TLSV1_ALERT_PROTOCOL_VERSION'],
  [/ALERT_UNRECOGNIZED_NAME|unrecognized name/i, 268436568, 'TLSV1_ALERT_UNRECOGNIZED_NAME'],
  [/ALERT_CERTIFICATE_REQUIRED|certificate required/i, 268436572, 'TLSV1_ALERT_CERTIFICATE_REQUIRED'],
  [
    /ALERT_NO_APPLICATION_PROTOCOL|no application protocol/i,
    268436576,
    'TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
  ],
  [/TLSV1_ALERT_INTERNAL_ERROR|alert internal error/i, 268436536, 'TLSV1_ALERT_INTERNAL_ERROR'],
  [/NO_CIPHERS_AVAILABLE|no ciphers available/i, 268435631, 'NO_CIPHERS_AVAILABLE'],
  [/UNEXPECTED_EOF|unexpected eof/i, 268435675, 'UNEXPECTED_EOF_WHILE_READING'],
];

/** Envoy's transport failure reason for an error of OpenSSL's, empty when the error is none of TLS. */
export function tlsFailureReason(error: NodeJS.ErrnoException): string {
  const code = error.code ?? '';
  if (!code.startsWith('ERR_SSL_') && !/SSL routines/i.test(error.message)) return '';
  for (const [pattern, number, name] of KNOWN) {
    if (pattern.test(code) || pattern.test(error.message)) return words(number, name);
  }
  return `TLS_error:|${code.replace(/^ERR_SSL_/, '') || 'handshake'}:TLS_error_end`;
}

function words(number: number, name: string): string {
  return `TLS_error:|${number}:SSL routines:OPENSSL_internal:${name}:TLS_error_end`;
}
