/** The authorities that a captured service's calls are checked against: those that it would trust itself. */
import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { AttacheError } from '../../../proxy-core/index.ts';

/** Where systems keep the list, in the order in which it is looked for. */
const SYSTEM_FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * PEM of the system's authorities (Node's own list where there is none) and of `extra` files, after those that
 * SSL_CERT_FILE and NODE_EXTRA_CA_CERTS name. Throws AttacheError `capture.unreadable-ca` for one of `extra`.
 */
export async function trustedRoots(
  extra: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const parts = [await systemRoots(env)];
  const more = env['NODE_EXTRA_CA_CERTS'];
  if (more) parts.push((await readCertificates(more)) ?? '');
  for (const file of extra) {
    const text = await readCertificates(file);
    if (text === null) {
      throw new AttacheError('capture.unreadable-ca', `${file} holds no certificates that could be read.`);
    }
    parts.push(text);
  }
  return parts.join('\n');
}

async function systemRoots(env: NodeJS.ProcessEnv): Promise<string> {
  const named = env['SSL_CERT_FILE'];
  for (const file of named ? [named, ...SYSTEM_FILES] : SYSTEM_FILES) {
    const text = await readCertificates(file);
    if (text !== null) return text;
  }
  return rootCertificates.join('\n');
}

async function readCertificates(file: string): Promise<string | null> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.includes('-----BEGIN CERTIFICATE-----') ? text : null;
}
