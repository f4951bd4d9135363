import { connect, createServer, type Server } from 'node:net';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readClientHello } from '../../../../../proxy-core/listener/tls/client-hello.ts';

/** What a real client sends first. */
function hello(options: { servername?: string; ALPNProtocols?: string[] }): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const server: Server = createServer((socket) => {
      socket.once('data', (bytes) => {
        resolve(bytes);
        socket.destroy();
        server.close();
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') return reject(new Error('no port'));
      connectTls({ ...options, socket: connect(address.port, '127.0.0.1') }).on('error', () => {});
    });
  });
}

let both: Buffer;
let bare: Buffer;
beforeAll(async () => {
  both = await hello({ servername: 'Shop.Example.test', ALPNProtocols: ['h2', 'http/1.1'] });
  bare = await hello({});
});
afterAll(() => {
  both = bare = Buffer.alloc(0);
});

/** The same handshake message in records of at most `length` bytes. */
function fragmented(record: Buffer, length: number): Buffer {
  const body = record.subarray(5);
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += length) {
    const part = body.subarray(at, at + length);
    parts.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(parts);
}

describe('a real ClientHello', () => {
  test('server name in lower case, protocols in order', () => {
    expect(readClientHello(both)).toMatchObject({
      serverName: 'shop.example.test',
      protocols: ['h2', 'http/1.1'],
      version: 0x0303,
      supportedVersions: [0x0304, 0x0303],
    });
    expect(readClientHello(bare)).toMatchObject({ serverName: '', protocols: [] });
  });

  test('every prefix of it is incomplete', () => {
    for (let end = 0; end < both.length; end++) {
      expect(readClientHello(both.subarray(0, end))).toBe('incomplete');
    }
  });

  test('split over records it says the same, and what follows is not looked at', () => {
    for (const length of [1, 7, 100]) {
      expect(readClientHello(Buffer.concat([fragmented(both, length), Buffer.from('more')]))).toEqual(
        readClientHello(both),
      );
    }
  });
});

test.each([
  ['an HTTP request', 'GET / HTTP/1.1\r\n'],
  ['the HTTP/2 preface', 'PRI * HTTP/2.0'],
  ['SSL 2', '\x80\x2e\x01\x03\x01'],
  ['another handshake message', '\x16\x03\x01\x00\x04\x02\x00\x00\x00'],
  ['an empty record', '\x16\x03\x01\x00\x00'],
  ['a message of a megabyte', '\x16\x03\x01\x00\x04\x01\x10\x00\x00'],
])('%s is not TLS', (_name, text) => {
  expect(readClientHello(Buffer.from(text, 'latin1'))).toBe('not-tls');
});

test('any bytes, and a hello with any byte changed: an answer, never an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(), fc.nat(255), (junk, at, value) => {
      readClientHello(junk);
      readClientHello(Buffer.concat([Buffer.from([22, 3, 1]), junk]));
      const changed = Buffer.from(both);
      changed[at % changed.length] = value;
      const result = readClientHello(changed);
      expect(typeof result === 'string' || Array.isArray(result.protocols)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
