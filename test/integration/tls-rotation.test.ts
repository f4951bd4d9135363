import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeCertificate } from '../../electron/app/development-ca/certificate.ts';
import { createProxyCore, type ProxyCore } from '../../proxy-core/index.ts';
import { agent, applied, bootstrap, boundPort, eventually, get } from './support.ts';

/** Certificates that are replaced while connections use them, and sessions that are taken up again. */

const DAY = 86_400_000;

interface Pair {
  readonly certificate: string;
  readonly key: string;
}

function selfSigned(commonName: string): Pair {
  const key: KeyObject = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const name = { organization: 'Example', commonName };
  const certificate = writeCertificate({
    subject: name,
    issuer: name,
    key,
    issuerKey: key,
    from: new Date(Date.now() - DAY),
    to: new Date(Date.now() + 30 * DAY),
    use: { kind: 'server', names: [`${commonName}.test`] },
  });
  return { certificate, key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

const FIRST = selfSigned('first');
const SECOND = selfSigned('second');

let folder: string;
let core: ProxyCore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'attache-tls-'));
  core = createProxyCore({});
});
afterEach(async () => {
  await core.close({ drain: 0 });
  agent.destroy();
  rmSync(folder, { recursive: true, force: true });
});

const at = (name: string): string => join(folder, name);

function write(pair: Pair, into = folder): void {
  writeFileSync(join(into, 'tls.crt'), pair.certificate);
  writeFileSync(join(into, 'tls.key'), pair.key);
}

const DOWNSTREAM = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';
const UPSTREAM = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';

/** A listener with TLS and an admin interface; `context` goes into the DownstreamTlsContext. */
function config(chain = at('tls.crt'), key = at('tls.key'), context = '', clusters = ''): string {
  const plain = bootstrap({
    clusters,
    ...(clusters === ''
      ? {
          routes:
            '              - { match: { prefix: / }, direct_response: { status: 200, body: { inline_string: hello } } }',
        }
      : {}),
  });
  const socket = `    - transport_socket:
        name: tls
        typed_config: { "@type": ${DOWNSTREAM}, ${context}common_tls_context: { tls_certificates: [{ certificate_chain: { filename: ${chain} }, private_key: { filename: ${key} } }] } }
      filters:`;
  return `admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
${plain.replace('    - filters:', socket)}`;
}

interface Client {
  readonly socket: TLSSocket;
  readonly commonName: string;
  /** One request and the end of its answer. */
  ask(): Promise<string>;
}

function open(more: { session?: Buffer; maxVersion?: 'TLSv1.2' } = {}): Promise<Client> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: '127.0.0.1', port: boundPort(core), rejectUnauthorized: false, ...more },
      () =>
        resolve({
          socket,
          commonName: String(socket.getPeerCertificate().subject?.CN ?? ''),
          ask: () =>
            new Promise((answer) => {
              let text = '';
              const onData = (chunk: Buffer): void => {
                text += chunk.toString();
                if (!text.endsWith('hello')) return;
                socket.off('data', onData);
                answer(text.split('\r\n')[0] as string);
              };
              socket.on('data', onData);
              socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
            }),
        }),
    );
    socket.on('error', reject);
  });
}

/** The certificate that a new connection is shown. */
async function shown(): Promise<string> {
  const { socket, commonName } = await open();
  socket.destroy();
  return commonName;
}

async function stat(name: string): Promise<number> {
  const address = core.state().admin;
  const { body } = await get(address?.port ?? 0, `/stats?filter=^${name}$`);
  return Number(/: (\d+)/.exec(body)?.[1] ?? Number.NaN);
}

const becomes = (name: string): Promise<void> =>
  eventually(`new connections are shown ${name}`, async () => (await shown()) === name, 10_000);

describe('certificate files', () => {
  test('written in place: new connections are shown the new one, the old connection goes on', async () => {
    write(FIRST);
    await applied(core, config());
    const kept = await open();
    expect(kept.commonName).toBe('first');
    write(SECOND);
    await becomes('second');
    expect(await kept.ask()).toBe('HTTP/1.1 200 OK');
    kept.socket.destroy();
    expect(core.events().map(({ kind }) => kind)).toContain('certificate-replaced');
    expect(core.events().map(({ kind }) => kind)).not.toContain('certificate-rejected');
  });

  test('replaced by rename, the key after the certificate', async () => {
    write(FIRST);
    await applied(core, config());
    writeFileSync(at('next.crt'), SECOND.certificate);
    writeFileSync(at('next.key'), SECOND.key);
    renameSync(at('next.crt'), at('tls.crt'));
    renameSync(at('next.key'), at('tls.key'));
    await becomes('second');
  });

  test('reached through a link that is swapped, as Kubernetes does it', async () => {
    for (const [name, pair] of [
      ['one', FIRST],
      ['two', SECOND],
    ] as const) {
      mkdirSync(at(name));
      write(pair, at(name));
    }
    symlinkSync('one', at('..data'));
    symlinkSync(join('..data', 'tls.crt'), at('tls.crt'));
    symlinkSync(join('..data', 'tls.key'), at('tls.key'));
    await applied(core, config());
    expect(await shown()).toBe('first');
    symlinkSync('two', at('..next'));
    renameSync(at('..next'), at('..data'));
    await becomes('second');
  });

  test('a bad one is refused with a counter and an event; the last good one stays, the next good one is taken', async () => {
    write(FIRST);
    await applied(core, config());
    writeFileSync(at('tls.crt'), 'no certificate');
    await eventually('it is refused', async () => (await stat('tls.file_update_rejected')) === 1, 10_000);
    expect(await shown()).toBe('first');
    const event = core.events().find(({ kind }) => kind === 'certificate-rejected');
    expect(event?.reason).toBe(`Failed to load certificate chain from ${at('tls.crt')}`);
    expect(event?.text).toContain('stays in use');
    write(SECOND);
    await becomes('second');
  });

  test('survives applying the same configuration again', async () => {
    write(FIRST);
    await applied(core, config());
    await applied(core, config());
    write(SECOND);
    await becomes('second');
  });
});

describe('sessions', () => {
  async function comesBack(maxVersion?: 'TLSv1.2'): Promise<boolean> {
    const version = maxVersion === undefined ? {} : { maxVersion };
    const first = await open(version);
    const session = new Promise<Buffer>((resolve) => first.socket.once('session', resolve));
    await first.ask();
    const ticket = maxVersion === undefined ? await session : (first.socket.getSession() ?? (await session));
    first.socket.destroy();
    const second = await open({ ...version, session: ticket });
    const reused = second.socket.isSessionReused();
    await second.ask();
    second.socket.destroy();
    return reused;
  }

  test.each([undefined, 'TLSv1.2' as const])('are taken up again (%s)', async (maxVersion) => {
    write(FIRST);
    await applied(core, config());
    expect(await comesBack(maxVersion)).toBe(true);
    const prefix = `listener.127.0.0.1_0.ssl`;
    expect(await stat(`${prefix}.session_reused`)).toBe(1);
    expect(await stat(`${prefix}.handshake`)).toBe(2);
  });

  test('outlive a new configuration', async () => {
    write(FIRST);
    await applied(core, config());
    const first = await open();
    const session = new Promise<Buffer>((resolve) => first.socket.once('session', resolve));
    await first.ask();
    await applied(core, `${config()}\n# changed`);
    const second = await open({ session: await session });
    expect(second.socket.isSessionReused()).toBe(true);
    first.socket.destroy();
    second.socket.destroy();
  });

  test('are not, when they are turned off', async () => {
    write(FIRST);
    await applied(core, config(undefined, undefined, 'disable_stateless_session_resumption: true, '));
    const first = await open({ maxVersion: 'TLSv1.2' });
    await first.ask();
    const session = first.socket.getSession();
    first.socket.destroy();
    const second = await open({ maxVersion: 'TLSv1.2', ...(session === undefined ? {} : { session }) });
    expect(second.socket.isSessionReused()).toBe(false);
    second.socket.destroy();
  });

  test('with an upstream: the peer is known again', async () => {
    write(FIRST);
    const upstream: Server = createServer({ cert: SECOND.certificate, key: SECOND.key }, (socket) => {
      socket.on('error', () => {});
      socket.once('data', () =>
        socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello'),
      );
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    const { port } = upstream.address() as { port: number };
    const clusters = `  - name: service
    connect_timeout: 1s
    load_assignment: { cluster_name: service, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }] }] }
    transport_socket: { name: tls, typed_config: { "@type": ${UPSTREAM}, common_tls_context: { validation_context: { trusted_ca: { inline_string: ${JSON.stringify(SECOND.certificate)} } } } } }
`;
    await applied(core, config(undefined, undefined, '', clusters));
    const client = await open();
    for (let i = 0; i < 3; i++) expect(await client.ask()).toBe('HTTP/1.1 200 OK');
    client.socket.destroy();
    expect(await stat('cluster.service.ssl.handshake')).toBe(3);
    expect(await stat('cluster.service.ssl.session_reused')).toBe(2);
    expect(await stat('cluster.service.ssl.fail_verify_error')).toBe(0);
    await new Promise((resolve) => upstream.close(resolve));
  });
});
