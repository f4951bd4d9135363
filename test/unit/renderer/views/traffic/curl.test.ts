import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { curlCommand, shellWord } from '../../../../../renderer/views/traffic/curl.ts';
import { connection, detail, message, row } from './records.ts';

describe('curlCommand', () => {
  it.each([
    ['a plain request', {}, {}, '', 'curl -i http://shop.local/'],
    ['to the listener', {}, {}, '127.0.0.1:80', 'curl -i --connect-to ::127.0.0.1:80 http://shop.local/'],
    [
      'to a listener on all addresses',
      {},
      {},
      '0.0.0.0:80',
      'curl -i --connect-to ::127.0.0.1:80 http://shop.local/',
    ],
    ['to one on all IPv6 addresses', {}, {}, '[::]:80', 'curl -i --connect-to ::[::1]:80 http://shop.local/'],
    [
      'named by its address',
      { authority: '127.0.0.1:80' },
      {},
      '127.0.0.1:80',
      'curl -i http://127.0.0.1:80/',
    ],
    ['HEAD', { method: 'HEAD' }, {}, '', 'curl -i --head http://shop.local/'],
    ['another method', { method: 'DELETE' }, {}, '', 'curl -i -X DELETE http://shop.local/'],
    ['a query', { path: '/a?b=c&d' }, {}, '', "curl -i 'http://shop.local/a?b=c&d'"],
    ['a header', {}, { headers: [['x-a', "it's"]] }, '', `curl -i -H 'x-a: it'\\''s' http://shop.local/`],
    ['a header without a value', {}, { headers: [['x-a', '']] }, '', "curl -i -H 'x-a;' http://shop.local/"],
    [
      'headers that curl makes',
      {},
      {
        headers: [
          ['Host', 'shop.local'],
          ['content-length', '3'],
          ['connection', 'close'],
        ],
      },
      '',
      'curl -i http://shop.local/',
    ],
    [
      'a body',
      { method: 'POST' },
      { bodyLength: 3 },
      '',
      'curl -i -X POST http://shop.local/ # the body of 3 bytes is left out',
    ],
  ] as const)('%s', (_what, rowChanges, requestChanges, listener, expected) => {
    const recorded = detail({ row: row(1, 0, rowChanges), request: message(requestChanges) });
    expect(curlCommand(recorded, listener)).toBe(expected);
  });
});

it('goes by TLS to a listener that ends TLS', () => {
  const tls = { version: 'TLSv1.3', cipher: '', alpn: '', peer: null, local: null };
  expect(curlCommand(detail({ connection: connection({ tls }) }), '')).toBe('curl -i -k https://shop.local/');
});

describe('shellWord', () => {
  it.skipIf(process.platform === 'win32')('is one word to a shell, whatever is in it', () => {
    const text = fc.string({ unit: 'grapheme-ascii', minLength: 1 }).filter((each) => !each.includes('\0'));
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), (words) => {
        const script = `printf '%s\\0' ${words.map(shellWord).join(' ')}`;
        expect(execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' })).toBe(`${words.join('\0')}\0`);
      }),
      { numRuns: 20 },
    );
  });
});
