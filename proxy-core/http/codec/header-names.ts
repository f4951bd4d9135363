/**
 * Header names seen on the wire, validated and put in lower case once. Traffic repeats a few dozen spellings, so a
 * lookup replaces the work; the table is bounded, unknown names beyond it are handled each time.
 */
export interface HeaderName {
  /** Lower case. */
  readonly name: string;
  readonly role: HeaderRole;
  readonly underscore: boolean;
  /** Envoy keeps one value of these per request: repeated lines are joined with a comma. */
  readonly joined: boolean;
  /** The parse that saw this name last and where its value went; lets a repetition be found without a search. */
  seenBy: number;
  seenAt: number;
}

/** Names that HTTP/1 framing itself looks at. */
export const HeaderRole = {
  None: 0,
  Host: 1,
  ContentLength: 2,
  TransferEncoding: 3,
  Connection: 4,
  Upgrade: 5,
  Expect: 6,
} as const;
export type HeaderRole = (typeof HeaderRole)[keyof typeof HeaderRole];

const ROLES = new Map<string, HeaderRole>([
  ['host', HeaderRole.Host],
  ['content-length', HeaderRole.ContentLength],
  ['transfer-encoding', HeaderRole.TransferEncoding],
  ['connection', HeaderRole.Connection],
  ['upgrade', HeaderRole.Upgrade],
  ['expect', HeaderRole.Expect],
]);

/** Request headers that Envoy holds inline (http/headers.h and the custom inline headers of its filters). */
const JOINED: ReadonlySet<string> = new Set(
  (
    'accept accept-encoding access-control-request-headers access-control-request-method authentication authorization ' +
    'cache-control content-encoding content-type grpc-accept-encoding grpc-timeout if-match if-modified-since ' +
    'if-none-match if-range if-unmodified-since origin pragma referer user-agent via x-client-trace-id ' +
    'x-envoy-attempt-count x-envoy-decorator-operation x-envoy-downstream-service-cluster x-envoy-external-address ' +
    'x-envoy-original-path x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto x-request-id'
  ).split(' '),
);

/** RFC 9110 section 5.6.2, tchar. */
const TOKEN = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  TOKEN[char.charCodeAt(0)] = 1;
}

const MAX_KNOWN = 2048;
const MAX_KNOWN_LENGTH = 64;
const known = new Map<string, HeaderName>();

/** Null when it is not a token. */
export function headerName(raw: string): HeaderName | null {
  const hit = known.get(raw);
  if (hit !== undefined) return hit;
  if (!isToken(raw)) return null;
  const name = raw.toLowerCase();
  const entry: HeaderName = {
    name,
    role: ROLES.get(name) ?? HeaderRole.None,
    underscore: name.includes('_'),
    joined: JOINED.has(name),
    seenBy: 0,
    seenAt: 0,
  };
  if (known.size < MAX_KNOWN && raw.length <= MAX_KNOWN_LENGTH) {
    // Through a buffer: a slice would keep the whole head that it came from alive.
    known.set(Buffer.from(raw, 'latin1').toString('latin1'), entry);
  }
  return entry;
}

export function isToken(text: string): boolean {
  if (text === '') return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255 || TOKEN[code] === 0) return false;
  }
  return true;
}
