import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createSecureContext, createServer, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DevelopmentCa } from '../../../../../electron/app/development-ca/development-ca.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'attache-ca-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const mode = (file: string): string => (statSync(file).mode & 0o777).toString(8);
const openssl = (...words: string[]): string => execFileSync('openssl', words, { encoding: 'utf8' });

describe('the development CA on disk', () => {
  test('is made on demand, for its user only, and is the same the next time', async () => {
    const first = await DevelopmentCa.open(folder);
    expect(first.isNew).toBe(true);
    expect(readdirSync(join(folder, 'ca')).sort()).toEqual(['attache-ca.crt', 'attache-ca.key']);
    if (process.platform !== 'win32') {
      expect(mode(join(folder, 'ca'))).toBe('700');
      expect(mode(join(folder, 'ca', 'attache-ca.key'))).toBe('600');
    }
    const second = await DevelopmentCa.open(folder);
    expect(second.isNew).toBe(false);
    expect(second.fingerprint).toBe(first.fingerprint);
  });

  test('of several that are opened at once there is one authority', async () => {
    const opened = await Promise.all(Array.from({ length: 5 }, () => DevelopmentCa.open(folder)));
    expect(new Set(opened.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    expect(readdirSync(folder)).toEqual(['ca']);
  });

  test.runIf(process.platform !== 'win32')('a key that was opened up is closed again', async () => {
    await DevelopmentCa.open(folder);
    const key = join(folder, 'ca', 'attache-ca.key');
    chmodSync(key, 0o644);
    await DevelopmentCa.open(folder);
    expect(mode(key)).toBe('600');
  });

  test.each([
    ['a key of another authority', 'ca.unreadable'],
    ['no key at all', 'ca.unreadable'],
  ])('%s is refused with %s', async (what, code) => {
    await DevelopmentCa.open(folder);
    const key = join(folder, 'ca', 'attache-ca.key');
    if (what.startsWith('no')) rmSync(key);
    else {
      const other = mkdtempSync(join(tmpdir(), 'attache-ca-'));
      await DevelopmentCa.open(other);
      writeFileSync(key, readFileSync(join(other, 'ca', 'attache-ca.key')));
      rmSync(other, { recursive: true });
    }
    await expect(DevelopmentCa.open(folder)).rejects.toMatchObject({ code });
  });

  test('one that has expired says so', async () => {
    await DevelopmentCa.open(folder);
    const later = Date.now() + 3700 * 86_400_000;
    await expect(DevelopmentCa.open(folder, () => later)).rejects.toMatchObject({ code: 'ca.expired' });
  });
});

describe('what leaves the folder', () => {
  test('the exporter writes the certificate and never the key', async () => {
    const ca = await DevelopmentCa.open(folder);
    const file = join(folder, 'exported.crt');
    await ca.exportCertificate(file);
    const written = readFileSync(file, 'utf8');
    expect(written).toBe(ca.certificatePem);
    expect(written.match(/-----BEGIN [A-Z ]+-----/g)).toEqual(['-----BEGIN CERTIFICATE-----']);
    const key = readFileSync(join(folder, 'ca', 'attache-ca.key'), 'utf8').split('\n')[1] as string;
    expect(written).not.toContain(key);
  });

  test('nothing that the object gives away holds the key', async () => {
    const ca = await DevelopmentCa.open(folder);
    const key = readFileSync(join(folder, 'ca', 'attache-ca.key'), 'utf8').split('\n')[1] as string;
    const { privateKey, certificateChain } = ca.leafFor('a.test');
    const seen = [JSON.stringify(ca), String(ca), privateKey, certificateChain, ca.certificatePem];
    const own = Object.getOwnPropertyNames(ca).map((name) => String(Reflect.get(ca, name)));
    for (const text of [...seen, ...own]) expect(text).not.toContain(key);
  });
});

describe('leaves', () => {
  test.each([
    ['shop.example.test', 'DNS:shop.example.test'],
    ['*.Example.test', 'DNS:*.example.test'],
    ['127.0.0.1', 'IP Address:127.0.0.1'],
    ['::1', 'IP Address:0:0:0:0:0:0:0:1'],
    ['2001:db8::7:1', 'IP Address:2001:DB8:0:0:0:0:7:1'],
    [`${'long.'.repeat(20)}test`, `DNS:${'long.'.repeat(20)}test`],
  ])('%s: openssl trusts it through the authority and reads %s', async (name, san) => {
    const ca = await DevelopmentCa.open(folder);
    const leaf = join(folder, 'leaf.crt');
    writeFileSync(leaf, ca.leafFor(name).certificateChain);
    expect(
      openssl('verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', ca.certificateFile, leaf),
    ).toContain(': OK');
    expect(openssl('x509', '-in', leaf, '-noout', '-ext', 'subjectAltName')).toContain(san);
    const read = new X509Certificate(readFileSync(leaf));
    expect(read.ca).toBe(false);
    expect(read.checkIssued(new X509Certificate(ca.certificatePem))).toBe(true);
  });

  test.each([
    '',
    'a b',
    'a..b',
    '-a.test',
    'a.test/..',
    '*',
    '*.*.test',
    'a\n.test',
    'x'.repeat(64),
    'fe80::1%lo',
  ])('no certificate is made for %j', async (name) => {
    const ca = await DevelopmentCa.open(folder);
    expect(() => ca.leafFor(name)).toThrowError(expect.objectContaining({ code: 'ca.bad-name' }));
  });

  test('are kept until they near their end', async () => {
    let now = Date.now();
    const ca = await DevelopmentCa.open(folder, () => now);
    const first = ca.leafFor('a.test');
    expect(ca.leafFor('A.test.')).toBe(first);
    now += 88 * 86_400_000;
    expect(ca.leafFor('a.test')).toBe(first);
    now += 2 * 86_400_000;
    expect(ca.leafFor('a.test')).not.toBe(first);
  });

  test('a client that trusts the authority takes the connection, one that does not refuses it', async () => {
    const ca = await DevelopmentCa.open(folder);
    const server = createServer({
      SNICallback: (name, done) => {
        const { certificateChain, privateKey } = ca.leafFor(name);
        done(null, createSecureContext({ cert: certificateChain, key: privateKey }));
      },
    });
    server.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const attempt = (trust: readonly string[]): Promise<string> =>
      new Promise((resolve) => {
        const socket: TLSSocket = connect(
          { port, host: '127.0.0.1', servername: 'shop.test', ca: [...trust] },
          () => {
            resolve('trusted');
            socket.destroy();
          },
        );
        socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      });
    expect(await attempt([ca.certificatePem])).toBe('trusted');
    expect(await attempt([])).toMatch(/SELF_SIGNED|UNABLE_TO/);
    server.close();
  });
});
