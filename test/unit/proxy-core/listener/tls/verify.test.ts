import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer as createPlainServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCompileSession } from '../../../../../proxy-core/config/compile-session.ts';
import { loadMessage } from '../../../../../proxy-core/config/load.ts';
import { MessageReader } from '../../../../../proxy-core/config/reader.ts';
import { readClientHello } from '../../../../../proxy-core/listener/tls/client-hello.ts';
import { compileServerTls } from '../../../../../proxy-core/listener/tls/server.ts';
import { tlsStats } from '../../../../../proxy-core/network/tls/stats.ts';
import { StatsStore } from '../../../../../proxy-core/observe/index.ts';

/** Real handshakes with certificates that openssl made, judged by compiled validation contexts. */

let folder: string;
const at = (name: string): string => join(folder, name);
const openssl = (...words: string[]): Buffer =>
  execFileSync('openssl', words, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });

function issue(
  name: string,
  extensions: string,
  issuer: string,
  more: readonly string[] = ['-days', '30'],
): void {
  openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    `${name}.key`,
    '-subj',
    `/O=Example/CN=${name}`,
    '-out',
    `${name}.csr`,
  );
  writeFileSync(at(`${name}.ext`), extensions);
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-CA',
    `${issuer}.crt`,
    '-CAkey',
    `${issuer}.key`,
    '-CAcreateserial',
    '-extfile',
    `${name}.ext`,
    '-out',
    `${name}.crt`,
    ...more,
  );
}

const AUTHORITY = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n';
const NAMES =
  'subjectAltName=DNS:a.test,DNS:*.wild.test,URI:spiffe://a/b,email:me@a.test,IP:10.0.0.1,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:me@corp.test\n';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'attache-verify-'));
  for (const name of ['root', 'other']) {
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-subj',
      `/CN=${name}`,
      '-days',
      '30',
      '-out',
      `${name}.crt`,
    );
  }
  issue('client', NAMES, 'root');
  issue('server', 'subjectAltName=DNS:server.test\n', 'root');
  issue('revoked', NAMES, 'root');
  issue('expired', NAMES, 'root', ['-days', '-1']);
  issue('stranger', NAMES, 'other', ['-days', '-1']);
  issue('middle', AUTHORITY, 'root');
  issue('below', NAMES, 'middle');
  writeFileSync(
    at('below-chain.crt'),
    Buffer.concat([readFileSync(at('below.crt')), readFileSync(at('middle.crt'))]),
  );
  writeFileSync(at('index.txt'), '');
  writeFileSync(
    at('ca.cnf'),
    `[ca]\ndefault_ca=x\n[x]\ndatabase=${at('index.txt')}\ndefault_md=sha256\ndefault_crl_days=30\n`,
  );
  openssl('ca', '-config', 'ca.cnf', '-keyfile', 'root.key', '-cert', 'root.crt', '-revoke', 'revoked.crt');
  openssl(
    'ca',
    '-config',
    'ca.cnf',
    '-keyfile',
    'root.key',
    '-cert',
    'root.crt',
    '-gencrl',
    '-out',
    'root.crl',
  );
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CONTEXT = 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';

/** What becomes of a client with that certificate: empty, or the reason and the counter. */
async function outcome(validation: string, certificate: string): Promise<string> {
  const text = `name: tls
typed_config:
  "@type": type.googleapis.com/${CONTEXT}
  require_client_certificate: true
  common_tls_context:
    tls_certificates: [{ certificate_chain: { filename: ${at('server.crt')} }, private_key: { filename: ${at('server.key')} } }]
    validation_context: { ${validation} }
`;
  const { root, diagnostics } = loadMessage(text, 'tls.yaml', 'envoy.config.core.v3.TransportSocket');
  if (root === null) throw new Error(JSON.stringify(diagnostics));
  const session = createCompileSession(
    { root, isFragment: false },
    { files: { read: (path) => readFileSync(path), exists: () => true }, serving: true },
  );
  const tls = compileServerTls(new MessageReader(root), session.context);
  if (tls === null || session.diagnostics.length > 0) throw new Error(JSON.stringify(session.diagnostics));
  const store = new StatsStore();
  const stats = tlsStats(store, 'l.', 'server_ssl_socket_factory');
  const result = new Promise<string>((resolve) => {
    const server = createPlainServer((socket) => {
      socket.once('data', (bytes) => {
        socket.pause();
        socket.unshift(bytes);
        const hello = readClientHello(bytes);
        tls.accept(socket, typeof hello === 'string' ? null : hello, stats, (secured, failure) => {
          resolve(failure === '' ? '' : failure.replace(/^.*OPENSSL_internal:(\w+):.*$/, '$1'));
          secured.destroy();
          server.close();
        });
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      const key = certificate.replace('-chain', '');
      connect({
        port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        cert: readFileSync(at(`${certificate}.crt`)),
        key: readFileSync(at(`${key}.key`)),
      }).on('error', () => {});
    });
  });
  const reason = await result;
  const counted = (['error', 'san', 'cert_hash', 'no_cert'] as const).filter(
    (name) => store.counter(`l.ssl.fail_verify_${name}`).value > 0,
  );
  return [reason, ...counted].join(' ').trim();
}

const ca = (name = 'root'): string => `trusted_ca: { filename: ${at(`${name}.crt`)} }`;
const san = (type: string, matcher: string, oid = ''): string =>
  `${ca()}, match_typed_subject_alt_names: [{ san_type: ${type}, ${oid === '' ? '' : `oid: ${oid}, `}matcher: { ${matcher} } }]`;
const UPN = '1.3.6.1.4.1.311.20.2.3';
const REFUSED = 'CERTIFICATE_VERIFY_FAILED';

describe('names', () => {
  test.each<[string, () => string, string]>([
    ['DNS exact', () => san('DNS', 'exact: A.test'), ''],
    ['DNS exact against a wildcard', () => san('DNS', 'exact: x.wild.test'), ''],
    ['DNS one label only', () => san('DNS', 'exact: x.y.wild.test'), `${REFUSED} san`],
    ['DNS suffix', () => san('DNS', 'suffix: .test'), ''],
    ['DNS other', () => san('DNS', 'exact: b.test'), `${REFUSED} san`],
    ['URI', () => san('URI', 'prefix: "spiffe://a/"'), ''],
    ['URI is no DNS', () => san('DNS', 'prefix: "spiffe://a/"'), `${REFUSED} san`],
    ['e-mail', () => san('EMAIL', 'exact: me@a.test'), ''],
    ['address', () => san('IP_ADDRESS', 'exact: 10.0.0.1'), ''],
    ['other address', () => san('IP_ADDRESS', 'exact: 10.0.0.2'), `${REFUSED} san`],
    ['other name', () => san('OTHER_NAME', 'exact: me@corp.test', UPN), ''],
    ['other name, other value', () => san('OTHER_NAME', 'exact: you@corp.test', UPN), `${REFUSED} san`],
    ['other name of another kind', () => san('OTHER_NAME', 'exact: me@corp.test', '1.2.3'), `${REFUSED} san`],
    [
      'one of several',
      () =>
        `${ca()}, match_typed_subject_alt_names: [{ san_type: DNS, matcher: { exact: b.test } }, { san_type: URI, matcher: { safe_regex: { regex: ".*/b" } } }]`,
      '',
    ],
    [
      'the deprecated field takes any kind',
      () => `${ca()}, match_subject_alt_names: [{ exact: me@a.test }]`,
      '',
    ],
  ])('%s', async (_what, validation, expected) =>
    expect(await outcome(validation(), 'client')).toBe(expected),
  );
});

describe('chains', () => {
  test.each<[string, () => string, string, string]>([
    ['a good one', () => ca(), 'client', ''],
    ['another authority', () => ca('other'), 'client', `${REFUSED} error`],
    [
      'another authority, accepted',
      () => `trust_chain_verification: ACCEPT_UNTRUSTED, ${ca('other')}`,
      'client',
      'error',
    ],
    ['expired', () => ca(), 'expired', `${REFUSED} error`],
    ['expired, allowed', () => `${ca()}, allow_expired_certificate: true`, 'expired', ''],
    [
      'expired, allowed, and of another authority',
      () => `${ca()}, allow_expired_certificate: true`,
      'stranger',
      `${REFUSED} error`,
    ],
    ['revoked', () => `${ca()}, crl: { filename: ${at('root.crl')} }`, 'revoked', `${REFUSED} error`],
    ['not revoked', () => `${ca()}, crl: { filename: ${at('root.crl')} }`, 'client', ''],
    ['an intermediate that is sent', () => ca(), 'below-chain', ''],
    ['an intermediate that is not sent', () => ca(), 'below', `${REFUSED} error`],
    ['an intermediate that is trusted itself', () => ca('middle'), 'below', ''],
    ['too deep', () => `${ca()}, max_verify_depth: 0`, 'below-chain', `${REFUSED} error`],
    ['deep enough', () => `${ca()}, max_verify_depth: 1`, 'below-chain', ''],
  ])('%s', async (_what, validation, certificate, expected) =>
    expect(await outcome(validation(), certificate)).toBe(expected),
  );
});

describe('hashes', () => {
  const key = (name: string): string => {
    const { publicKey } = new X509Certificate(readFileSync(at(`${name}.crt`)));
    return createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64');
  };
  test.each<[string, () => string, string]>([
    ['of the key', () => `${ca()}, verify_certificate_spki: ["${key('client')}"]`, ''],
    [
      'of another key',
      () => `${ca()}, verify_certificate_spki: ["${key('server')}"]`,
      `${REFUSED} cert_hash`,
    ],
    ['of one of two', () => `${ca()}, verify_certificate_spki: ["${key('server')}", "${key('client')}"]`, ''],
    ['of the key, without an authority', () => `verify_certificate_spki: ["${key('client')}"]`, ''],
    [
      'does not make an authority good',
      () => `${ca('other')}, verify_certificate_spki: ["${key('client')}"]`,
      `${REFUSED} error`,
    ],
  ])('%s', async (_what, validation, expected) =>
    expect(await outcome(validation(), 'client')).toBe(expected),
  );
});
