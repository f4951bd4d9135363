import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type CertificateSource,
  loadCertificate,
} from '../../../../../proxy-core/listener/tls/certificate-source.ts';
import type { TextSource } from '../../../../../proxy-core/listener/tls/source.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'attache-certificate-'));
  const openssl = (...words: string[]): void => {
    execFileSync('openssl', words, { cwd: folder, stdio: 'ignore' });
  };
  const request = (name: string, ...key: string[]): void =>
    openssl(
      'req',
      '-x509',
      '-newkey',
      ...key,
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-subj',
      `/CN=${name}`,
      '-days',
      '9',
      '-out',
      `${name}.crt`,
    );
  request('ec', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1');
  request('rsa', 'rsa:2048');
  openssl('rsa', '-in', 'rsa.key', '-aes256', '-passout', 'pass:secret', '-out', 'sealed.key');
  openssl(
    'pkcs12',
    '-export',
    '-in',
    'ec.crt',
    '-inkey',
    'ec.key',
    '-passout',
    'pass:secret',
    '-out',
    'ec.p12',
  );
  writeFileSync(join(folder, 'junk'), 'junk');
  writeFileSync(join(folder, 'password'), 'secret\n');
}, 30_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string): TextSource => ({ kind: 'file', path: join(folder, name) });
const NONE: CertificateSource = { chain: null, key: null, pkcs12: null, password: null, ocsp: null };

function outcome(parts: Partial<Record<keyof CertificateSource, string>>): string {
  const source = { ...NONE };
  for (const [part, name] of Object.entries(parts)) source[part as keyof CertificateSource] = file(name);
  try {
    const { value, files } = loadCertificate(source, (path) => readFileSync(path));
    return `${value.leaf.subject} ${value.isEcdsa ? 'ECDSA' : 'RSA'} ${files.length}`;
  } catch (error) {
    return (error as Error).message.replaceAll(`${folder}/`, '');
  }
}

test.each<[string, Partial<Record<keyof CertificateSource, string>>, string | RegExp]>([
  ['EC', { chain: 'ec.crt', key: 'ec.key' }, 'CN=ec ECDSA 2'],
  ['RSA', { chain: 'rsa.crt', key: 'rsa.key' }, 'CN=rsa RSA 2'],
  ['a key with a password', { chain: 'rsa.crt', key: 'sealed.key', password: 'password' }, 'CN=rsa RSA 3'],
  ['PKCS 12', { pkcs12: 'ec.p12', password: 'password' }, 'CN=ec ECDSA 2'],
  ['PKCS 12 without its password', { pkcs12: 'ec.p12' }, 'Failed to load pkcs12 from ec.p12'],
  ['PKCS 12 that is not there', { pkcs12: 'absent' }, 'Failed to load pkcs12 from absent'],
  [
    'a key of another certificate',
    { chain: 'rsa.crt', key: 'ec.key' },
    /^Failed to load private key from ec.key, Cause: .*KEY_VALUES_MISMATCH$/,
  ],
  [
    'a key without its password',
    { chain: 'rsa.crt', key: 'sealed.key' },
    /^Failed to load private key from sealed.key, Cause: /,
  ],
  ['no certificate', { chain: 'junk', key: 'ec.key' }, 'Failed to load certificate chain from junk'],
  [
    'no file',
    { chain: 'absent', key: 'ec.key' },
    'Failed to load incomplete certificate from absent: certificate chain not set',
  ],
  ['no key', { chain: 'ec.crt' }, 'Failed to load incomplete private key from path: '],
])('%s', (_what, parts, expected) => {
  if (typeof expected === 'string') expect(outcome(parts)).toBe(expected);
  else expect(outcome(parts)).toMatch(expected);
});
