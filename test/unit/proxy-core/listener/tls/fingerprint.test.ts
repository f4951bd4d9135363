import { describe, expect, test } from 'vitest';
import type { ClientHello } from '../../../../../proxy-core/listener/tls/client-hello.ts';
import { ja3, ja4 } from '../../../../../proxy-core/listener/tls/fingerprint.ts';

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

/** The worked example of the JA4 specification (FoxIO, technical_details/JA4.md), with GREASE. */
const CHROME: ClientHello = {
  ...EMPTY,
  serverName: 'example.test',
  protocols: ['h2', 'http/1.1'],
  cipherSuites: [
    0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
    0x009d, 0x002f, 0x0035,
  ],
  extensions: [
    0x1a1a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
    0xff01, 0x000b, 0x000a, 0x0015, 0x2a2a,
  ],
  signatureAlgorithms: [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
  supportedVersions: [0x3a3a, 0x0304, 0x0303],
};

describe('JA4', () => {
  test.each<[string, ClientHello, string]>([
    ['a browser', CHROME, 't13d1516h2_8daaf6152771_e5627efa2ab1'],
    ['nothing at all', EMPTY, 't12i000000_000000000000_000000000000'],
    [
      'TLS 1.0, one protocol of one letter',
      { ...EMPTY, version: 0x0301, protocols: ['x'] },
      't10i0000xx_000000000000_000000000000',
    ],
  ])('%s', (_name, hello, expected) => expect(ja4(hello)).toBe(expected));

  test('more than 99 suites are 99', () => {
    const many = { ...EMPTY, cipherSuites: Array.from({ length: 120 }, (_, index) => index + 1) };
    expect(ja4(many).slice(4, 6)).toBe('99');
  });
});

describe('JA3', () => {
  test.each<[string, ClientHello, string]>([
    // The example of the JA3 README: 769,47–53–5–10–49161–49162–49171–49172–50–56–19–4,0–10–11,23–24–25,0
    [
      'an old client',
      {
        ...EMPTY,
        version: 769,
        cipherSuites: [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
        extensions: [0, 10, 11],
        groups: [23, 24, 25],
        pointFormats: [0],
      },
      'ada70206e40642a3e4461f35503241d5',
    ],
    // 769,4–5–10–9–100–98–3–6–19–18–99,,,
    [
      'one without extensions',
      { ...EMPTY, version: 769, cipherSuites: [4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99] },
      'de350869b8c85de67a350c8d186f11e6',
    ],
  ])('%s', (_name, hello, expected) => expect(ja3(hello)).toBe(expected));

  test('GREASE makes no difference', () => {
    const { cipherSuites, extensions } = CHROME;
    const plain = { ...CHROME, cipherSuites: cipherSuites.slice(1), extensions: extensions.slice(1, -1) };
    expect(ja3(plain)).toBe(ja3(CHROME));
  });
});
