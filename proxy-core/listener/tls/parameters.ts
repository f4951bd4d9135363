import { createSecureContext, getCiphers, type SecureContextOptions, type SecureVersion } from 'node:tls';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';

/** `TlsParameters` as `tls.createSecureContext` takes them. */
export interface Parameters {
  readonly options: SecureContextOptions;
  /** TLS 1.2 suites in our order, OpenSSL's names. */
  readonly cipherSuites: readonly string[];
  /** IANA's numbers of the groups for key exchange, in our order. */
  readonly groups: readonly number[];
  readonly maximum: SecureVersion;
  /** False when the minimum is above the maximum: every handshake fails. */
  readonly possible: boolean;
}

const VERSIONS: Readonly<Record<string, SecureVersion>> = {
  TLSv1_0: 'TLSv1',
  TLSv1_1: 'TLSv1.1',
  TLSv1_2: 'TLSv1.2',
  TLSv1_3: 'TLSv1.3',
};

/** In BoringSSL the suites of TLS 1.3 are not for choosing: the client's order counts. */
export const TLS13_SUITES: ReadonlyMap<number, string> = new Map([
  [0x1302, 'TLS_AES_256_GCM_SHA384'],
  [0x1303, 'TLS_CHACHA20_POLY1305_SHA256'],
  [0x1301, 'TLS_AES_128_GCM_SHA256'],
]);

/** Envoy's default for TLS 1.2, both sides. */
const DEFAULT_SUITES: readonly string[] = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
];

/** Groups for key exchange by IANA's numbers. */
export const GROUPS: ReadonlyMap<number, string> = new Map([
  [29, 'X25519'],
  [23, 'P-256'],
  [24, 'P-384'],
  [25, 'P-521'],
]);

const DEFAULT_GROUPS: readonly string[] = ['X25519', 'P-256'];

export function compileParameters(
  reader: MessageReader | undefined,
  ctx: CompileContext,
  defaultMaximum: SecureVersion,
): Parameters {
  const minimum = VERSIONS[reader?.enumeration('tls_minimum_protocol_version') ?? ''] ?? 'TLSv1.2';
  const maximum = VERSIONS[reader?.enumeration('tls_maximum_protocol_version') ?? ''] ?? defaultMaximum;
  const suites = (reader === undefined ? null : cipherSuites(reader, ctx)) ?? DEFAULT_SUITES;
  const curves = (reader === undefined ? null : ecdhCurves(reader, ctx)) ?? DEFAULT_GROUPS;
  const algorithms = reader === undefined ? null : signatureAlgorithms(reader, ctx);
  // OpenSSL allows SHA-1 signatures, which TLS 1.0 and 1.1 need, at its lowest security level only.
  const level = minimum === 'TLSv1' || minimum === 'TLSv1.1' ? ['@SECLEVEL=0'] : [];
  return {
    options: {
      minVersion: minimum,
      maxVersion: maximum,
      ciphers: [...TLS13_SUITES.values(), ...suites, ...level].join(':'),
      ecdhCurve: curves.join(':'),
      ...(algorithms === null ? {} : { sigalgs: algorithms.join(':') }),
    },
    cipherSuites: suites,
    groups: curves.flatMap((name) => [...GROUPS].flatMap(([id, each]) => (each === name ? [id] : []))),
    maximum,
    possible: minimum <= maximum,
  };
}

/** Null when none are set or they are refused. `[A|B]` are suites of equal rank, of which ours come in that order. */
function cipherSuites(reader: MessageReader, ctx: CompileContext): readonly string[] | null {
  const written = reader.strings('cipher_suites');
  if (written.length === 0) return null;
  const known = new Set(getCiphers());
  const names = written.flatMap((entry) => entry.replace(/[[\]]/g, '').split(/[|:]/));
  const bare = names.map((name) => name.replace(/^[-!+]/, ''));
  const rejected = bare.filter(
    (name) => name !== 'ALL' && (name.startsWith('TLS_') || !known.has(name.toLowerCase())),
  );
  if (rejected.length === 0) return names;
  ctx.report(
    'error',
    'tls.bad-cipher',
    reader,
    'cipher_suites',
    `Failed to initialize cipher suites ${written.join(':')}. The following ciphers were rejected when tried individually: ${rejected.join(', ')}`,
  );
  return null;
}

function ecdhCurves(reader: MessageReader, ctx: CompileContext): readonly string[] | null {
  const written = reader.strings('ecdh_curves');
  if (written.length === 0) return null;
  const known = [...GROUPS.values()];
  if (written.every((name) => known.includes(name))) return [...new Set(written)];
  ctx.report(
    'error',
    'tls.bad-curve',
    reader,
    'ecdh_curves',
    `Failed to initialize ECDH curves ${written.join(':')}`,
    {
      expected: known.join(', '),
    },
  );
  return null;
}

function signatureAlgorithms(reader: MessageReader, ctx: CompileContext): readonly string[] | null {
  const written = reader.strings('signature_algorithms');
  if (written.length === 0) return null;
  try {
    createSecureContext({ sigalgs: written.join(':') });
    return written;
  } catch {
    ctx.report(
      'error',
      'tls.bad-signature-algorithm',
      reader,
      'signature_algorithms',
      `Failed to initialize TLS signature algorithms ${written.join(':')}`,
    );
    return null;
  }
}
