import { describe, expect, test } from 'vitest';
import type { PeerCertificate, TlsInfo } from '../../../../../proxy-core/base/stream-info.ts';
import { Recorder } from '../../../../../proxy-core/observe/recorder/recorder.ts';
import { connection, stream } from '../stream.ts';

const certificate: PeerCertificate = {
  subject: 'CN=Käse.local',
  issuer: 'CN=ca',
  serial: '0a',
  uriSans: ['spiffe://shop/web'],
  dnsSans: ['shop.local'],
  ipSans: ['127.0.0.1'],
  fingerprint256: 'ab12',
  fingerprint1: 'cd',
  validFrom: 1_000,
  validTo: 2_000,
  pem: '-----BEGIN CERTIFICATE-----',
};
const tls: TlsInfo = {
  version: 'TLSv1.3',
  cipher: 'TLS_AES_128_GCM_SHA256',
  sessionId: 'secret',
  alpn: 'h2',
  peer: certificate,
  local: null,
};
const shown = {
  subject: 'CN=Käse.local',
  issuer: 'CN=ca',
  serial: '0a',
  names: ['DNS:shop.local', 'URI:spiffe://shop/web', 'IP:127.0.0.1'],
  fingerprint: 'ab12',
  validFrom: 1_000,
  validTo: 2_000,
};

function recorded(over: Parameters<typeof stream>[0]) {
  const recorder = new Recorder();
  const info = stream(over);
  recorder.begin(info);
  const running = recorder.detail(1)?.connection;
  recorder.end(info);
  return { running, finished: recorder.detail(1)?.connection };
}

describe('the connections of a recorded request', () => {
  test('are told alike while it runs and afterwards', () => {
    const { running, finished } = recorded({
      connection: connection({
        tls,
        ja3: 'j3',
        ja4: 'j4',
        requestedServerName: 'shop.local',
        terminationDetails: 'rbac_access_denied_matched_policy[none]',
      }),
      upstreamTls: { ...tls, alpn: '', peer: null, local: certificate },
      upstreamTransportFailureReason: 'delayed connect error: 111',
    });
    expect(finished).toEqual(running);
    expect(finished).toEqual({
      id: 7,
      local: '127.0.0.1:8080',
      directRemote: '127.0.0.1:51608',
      filterChain: '',
      serverName: 'shop.local',
      ja3: 'j3',
      ja4: 'j4',
      tls: { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', alpn: 'h2', peer: shown, local: null },
      terminationDetails: 'rbac_access_denied_matched_policy[none]',
      upstream: {
        id: 2,
        local: '127.0.0.1:40000',
        protocol: 'HTTP/1.1',
        tls: { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', alpn: '', peer: null, local: shown },
        failure: 'delayed connect error: 111',
      },
    });
  });

  test.each([
    ['plain text', connection(), { tls: null, ja3: '' }],
    ['a fingerprint without TLS of ours', connection({ ja3: 'j3' }), { tls: null, ja3: 'j3' }],
    ['an IPv6 socket', connection({ local: { ip: '::1', port: 80 } }), { local: '[::1]:80' }],
    ['a Unix socket', connection({ local: { ip: '/run/x', port: -1 } }), { local: '/run/x' }],
  ])('%s', (_name, downstream, expected) => {
    expect(recorded({ connection: downstream }).finished).toMatchObject(expected);
  });

  test('facts beyond the bound of the table are not known, and nothing breaks', () => {
    const recorder = new Recorder();
    for (let i = 0; i < 4100; i++) {
      const info = stream({ connection: connection({ tls: { ...tls, cipher: `c${i}` } }) });
      recorder.begin(info);
      recorder.end(info);
    }
    expect(recorder.detail(4000)?.connection.tls?.cipher).toBe('c3999');
    expect(recorder.detail(4100)?.connection.tls).toMatchObject({ cipher: '', peer: null });
  });
});
