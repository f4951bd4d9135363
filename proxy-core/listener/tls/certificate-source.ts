import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { PeerCertificate } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { describeCertificate } from './certificate.ts';
import type { Loaded } from './secret.ts';
import {
  filesOf,
  type ReadFile,
  sourceBytes,
  sourceName,
  sourceText,
  type TextSource,
  TlsError,
  textSource,
} from './source.ts';

/** A certificate chain with its key, and what its first certificate says. */
export interface Certificate {
  /** As `tls.createSecureContext` takes it: PEM, or PKCS #12. */
  readonly identity: Pick<SecureContextOptions, 'cert' | 'key' | 'pfx'>;
  readonly leaf: X509Certificate;
  readonly isEcdsa: boolean;
  /** What logs say of it. */
  readonly description: PeerCertificate;
  /** PEM of the whole chain, for show. */
  readonly chain: string;
  /** Where the chain came from, for show. */
  readonly path: string;
}

/** `envoy.extensions.transport_sockets.tls.v3.TlsCertificate` as written: where its parts come from. */
export interface CertificateSource {
  readonly chain: TextSource | null;
  readonly key: TextSource | null;
  readonly pkcs12: TextSource | null;
  readonly password: TextSource | null;
  readonly ocsp: TextSource | null;
}

export function certificateSource(reader: MessageReader, ctx: CompileContext): CertificateSource {
  if (reader.message('ocsp_staple')?.has('filename') === true) {
    ctx.report(
      'notice',
      'tls.ocsp-not-stapled',
      reader,
      'ocsp_staple',
      'The OCSP response is accepted and not stapled: clients see the certificate without it.',
    );
  }
  reader.message('watched_directory')?.acknowledge('path');
  return {
    chain: textSource(reader.message('certificate_chain')),
    key: textSource(reader.message('private_key')),
    pkcs12: textSource(reader.message('pkcs12')),
    password: textSource(reader.message('password')),
    ocsp: textSource(reader.message('ocsp_staple')),
  };
}

/** All files of a certificate: each change of one is a reason to read it again. */
export function certificateFiles({ chain, key, pkcs12, password }: CertificateSource): string[] {
  return filesOf([chain, key, pkcs12, password]);
}

/** Reads and checks a certificate. Throws TlsError with Envoy's words. */
export function loadCertificate(source: CertificateSource, read: ReadFile): Loaded<Certificate> {
  if (source.ocsp?.kind === 'inline') {
    throw new TlsError('tls.ocsp-inline', 'ocsp_staple', 'OCSP staple cannot be provided via inline_string');
  }
  const files = certificateFiles(source);
  if (source.pkcs12 !== null) return { value: fromPkcs12(source, source.pkcs12, read), files };
  return { value: fromPem(source, read), files };
}

function fromPem(source: CertificateSource, read: ReadFile): Certificate {
  const chain = sourceText(source.chain, read);
  const key = sourceText(source.key, read);
  const passphrase = sourceText(source.password, read)?.trim();
  const chainName = sourceName(source.chain);
  const keyName = sourceName(source.key);
  if (chain === null) {
    throw new TlsError(
      'tls.no-certificate-chain',
      'certificate_chain',
      `Failed to load incomplete certificate from ${chainName}: certificate chain not set`,
    );
  }
  if (key === null) {
    throw new TlsError(
      'tls.no-private-key',
      'private_key',
      `Failed to load incomplete private key from path: ${keyName}`,
    );
  }
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(chain);
  } catch {
    throw new TlsError(
      'tls.bad-certificate',
      'certificate_chain',
      `Failed to load certificate chain from ${chainName}`,
    );
  }
  let parsed: KeyObject;
  try {
    parsed = createPrivateKey(passphrase === undefined ? { key } : { key, passphrase });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TlsError(
      'tls.bad-private-key',
      'private_key',
      `Failed to load private key from ${keyName}, Cause: ${reason}`,
    );
  }
  if (!leaf.checkPrivateKey(parsed)) {
    throw new TlsError(
      'tls.key-mismatch',
      'private_key',
      `Failed to load private key from ${keyName}, Cause: error:0b000074:X.509 certificate routines:OPENSSL_internal:KEY_VALUES_MISMATCH`,
    );
  }
  return {
    identity: { cert: chain, key: [passphrase === undefined ? { pem: key } : { pem: key, passphrase }] },
    leaf,
    isEcdsa: leaf.publicKey.asymmetricKeyType === 'ec',
    description: describeCertificate(leaf),
    chain,
    path: chainName,
  };
}

function fromPkcs12(source: CertificateSource, pkcs12: TextSource, read: ReadFile): Certificate {
  const bytes = sourceBytes(pkcs12, read);
  const passphrase = sourceText(source.password, read)?.trim();
  const name = sourceName(pkcs12);
  try {
    if (bytes === null) throw new Error('no such file');
    const pfx = [{ buf: Buffer.from(bytes), ...(passphrase === undefined ? {} : { passphrase }) }];
    // Node takes PKCS #12 apart only inside a context.
    const { context } = createSecureContext({ pfx }) as { context: { getCertificate(): Buffer | null } };
    const leaf = new X509Certificate(context.getCertificate() ?? Buffer.alloc(0));
    return {
      identity: { pfx },
      leaf,
      isEcdsa: leaf.publicKey.asymmetricKeyType === 'ec',
      description: describeCertificate(leaf),
      chain: leaf.toString(),
      path: name,
    };
  } catch {
    throw new TlsError('tls.bad-pkcs12', 'pkcs12', `Failed to load pkcs12 from ${name}`);
  }
}
