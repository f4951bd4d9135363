import { describe, expect, test } from 'vitest';
import type { ConnectionInfo, RequestHead } from '../../../../../proxy-core/base/stream-info.ts';
import { upstreamServerName } from '../../../../../proxy-core/http/router/server-name.ts';
import type { AutoServerName, ClusterConfig } from '../../../../../proxy-core/upstream/types.ts';

const CONNECTION: ConnectionInfo = {
  id: 1,
  listenerName: '',
  local: { ip: '127.0.0.1', port: 1 },
  directRemote: { ip: '127.0.0.1', port: 2 },
  filterChainName: '',
  requestedServerName: '',
  tls: null,
  terminationDetails: '',
};

const BOTH: AutoServerName = { sni: true, san: true, header: '' };

function nameOf(auto: AutoServerName | null, authority: string, headers: string[] = [], tls = true): unknown {
  // Only these fields of a cluster have a say.
  const config = {
    autoServerName: auto,
    transportSocket: tls ? {} : null,
    proxyProtocol: null,
  } as unknown as ClusterConfig;
  const head: RequestHead = { method: 'GET', authority, path: '/', scheme: 'http', protocol: '', headers };
  return upstreamServerName(config, head, CONNECTION);
}

describe('the name that TLS goes by', () => {
  test.each<[string, AutoServerName | null, string, string[], object | null]>([
    ['the authority', BOTH, 'a.test', [], { sni: 'a.test', san: 'a.test' }],
    ['without its port, in lower case', BOTH, 'A.test:8443', [], { sni: 'a.test', san: 'a.test' }],
    ['an address is no server name', BOTH, '10.0.0.1:443', [], { sni: '', san: '10.0.0.1' }],
    ['an IPv6 address', BOTH, '[::1]:443', [], { sni: '', san: '::1' }],
    ['one without brackets', BOTH, '::1', [], { sni: '', san: '::1' }],
    ['only the server name', { ...BOTH, san: false }, 'a.test', [], { sni: 'a.test', san: '' }],
    ['only the certificate', { ...BOTH, sni: false }, 'a.test', [], { sni: '', san: 'a.test' }],
    [
      'a header',
      { ...BOTH, header: 'x-name' },
      'a.test',
      ['x-name', 'b.test'],
      { sni: 'b.test', san: 'b.test' },
    ],
    [
      'a header that is not there',
      { ...BOTH, header: 'x-name' },
      'a.test',
      [],
      { sni: 'a.test', san: 'a.test' },
    ],
    ['no authority', BOTH, '', [], null],
    ['not asked for', null, 'a.test', [], null],
  ])('%s', (_what, auto, authority, headers, expected) => {
    const found = nameOf(auto, authority, headers);
    if (expected === null) expect(found).toBeNull();
    else expect(found).toMatchObject(expected);
  });

  test('without TLS there is none', () => expect(nameOf(BOTH, 'a.test', [], false)).toBeNull());
});
