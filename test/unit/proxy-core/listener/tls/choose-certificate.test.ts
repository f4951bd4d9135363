import { describe, expect, test } from 'vitest';
import {
  type CertificateIndex,
  chooseCertificate,
  takesEcdsa,
} from '../../../../../proxy-core/listener/tls/choose-certificate.ts';
import type { ClientHello } from '../../../../../proxy-core/listener/tls/client-hello.ts';

const EMPTY: ClientHello = {
  serverName: '',
  protocols: [],
  version: 0x0303,
  cipherSuites: [],
  extensions: [],
  groups: [],
  pointFormats: [],
  signatureAlgorithms: [],
  supportedVersions: [],
  keyShares: [],
};
const ECDSA: Partial<ClientHello> = { supportedVersions: [0x0304], signatureAlgorithms: [0x0403, 0x0804] };
const RSA: Partial<ClientHello> = { supportedVersions: [0x0304], signatureAlgorithms: [0x0804] };

/** 0: RSA for a.test and *.wild.test; 1: ECDSA for a.test; 2: ECDSA for b.test. */
const INDEX: CertificateIndex = {
  byName: new Map([
    ['a.test', { rsa: 0, ecdsa: 1 }],
    ['*.wild.test', { rsa: 0, ecdsa: -1 }],
    ['b.test', { rsa: -1, ecdsa: 2 }],
  ]),
  isEcdsa: [false, true, true],
};

describe('which certificate a client gets', () => {
  test.each<[string, string, Partial<ClientHello>, boolean, number]>([
    ['the name, ECDSA preferred', 'a.test', ECDSA, false, 1],
    ['the name, RSA only', 'a.test', RSA, false, 0],
    ['a wildcard', 'x.wild.test', ECDSA, false, 0],
    ['a wildcard stands for one label', 'x.y.wild.test', ECDSA, false, 0],
    ['the name, though the client cannot take that kind', 'b.test', RSA, false, 2],
    ['another name: the first', 'c.test', ECDSA, false, 0],
    ['another name with a full scan: the first that suits', 'c.test', ECDSA, true, 1],
    ['another name with a full scan, RSA only', 'c.test', RSA, true, 0],
    ['no name: the first that suits', '', ECDSA, false, 1],
    ['no name, RSA only', '', RSA, false, 0],
  ])('%s', (_what, serverName, client, fullScan, expected) => {
    expect(chooseCertificate(INDEX, { ...EMPTY, ...client, serverName }, fullScan)).toBe(expected);
  });

  test('of one there is no choice, and without ClientHello none either', () => {
    expect(chooseCertificate({ byName: new Map(), isEcdsa: [true] }, EMPTY, false)).toBe(0);
    expect(chooseCertificate(INDEX, null, false)).toBe(0);
  });
});

describe('whether a client takes ECDSA', () => {
  test.each<[string, Partial<ClientHello>, boolean]>([
    ['TLS 1.3 by signature algorithm', ECDSA, true],
    ['TLS 1.3 without it', RSA, false],
    ['TLS 1.2 by group and suite', { groups: [29, 23], cipherSuites: [0xc02f, 0xc02b] }, true],
    ['TLS 1.2 without the group', { groups: [29], cipherSuites: [0xc02b] }, false],
    ['TLS 1.2 without such a suite', { groups: [23], cipherSuites: [0xc02f] }, false],
    ['nothing said', {}, false],
  ])('%s', (_what, client, expected) => expect(takesEcdsa({ ...EMPTY, ...client })).toBe(expected));
});
