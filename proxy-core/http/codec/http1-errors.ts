import type { CodecError } from './codec.ts';

/** Thrown inside the HTTP/1 parser only and caught in `receive`; never leaves the codec. */
export class Http1Violation extends Error {
  constructor(readonly error: CodecError) {
    super(error.details);
  }
}

function violation(status: number, body: string, details: string): CodecError {
  return { status, body, details };
}

const BAD = 'Bad Request';

/** Envoy's verdicts on requests: status, body and response code details (source/common/http/http1/codec_impl.cc). */
export const Http1Errors = {
  codec: violation(400, BAD, 'http1.codec_error'),
  lengthAndChunked: violation(400, BAD, 'http1.content_length_and_chunked_not_allowed'),
  transferEncoding: violation(501, 'Not Implemented', 'http1.invalid_transfer_encoding'),
  invalidCharacters: violation(400, BAD, 'http1.invalid_characters'),
  connectionHeader: violation(400, BAD, 'http1.connection_header_rejected'),
  authority: violation(400, BAD, 'http.invalid_authority'),
  url: violation(400, BAD, 'http1.invalid_url'),
  bodyDisallowed: violation(400, BAD, 'http1.body_disallowed'),
  scheme: violation(400, BAD, 'http1.invalid_scheme'),
  httpsOnPlaintext: violation(403, 'Forbidden', 'http1.https_url_on_plaintext_connection'),
  headersTooLarge: violation(431, 'Request Header Fields Too Large', 'http1.headers_too_large'),
  tooManyHeaders: violation(431, 'Request Header Fields Too Large', 'http1.too_many_headers'),
  underscore: violation(400, BAD, 'http1.unexpected_underscore'),
  lowVersion: violation(426, 'Upgrade Required', 'low_version'),
} as const;
