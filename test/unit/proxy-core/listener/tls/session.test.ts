import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createProxyCore } from '../../../../../proxy-core/index.ts';

const folder = join(import.meta.dirname, '../../../../fixtures/tls');

function bootstrap(keys: number): string {
  const key = (): string => `{ inline_bytes: ${randomBytes(80).toString('base64')} }`;
  return `static_resources:
  listeners:
  - name: main
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters: [{ name: e, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo } }]
      transport_socket:
        name: tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          session_ticket_keys: { keys: [${Array.from({ length: keys }, key).join(', ')}] }
          common_tls_context: { tls_certificates: [{ certificate_chain: { filename: ${join(folder, 'a.test.pem')} }, private_key: { filename: ${join(folder, 'a.test.key')} } }] }
`;
}

test.each([
  [1, 0],
  [2, 1],
])('%i session ticket keys give %i notices: Node opens tickets with one key only', async (keys, notices) => {
  const core = createProxyCore({});
  const { diagnostics } = await core.validate({ file: 'tls.yaml', text: bootstrap(keys) });
  await core.close({ drain: 0 });
  const told = diagnostics.filter(({ code }) => code === 'tls.further-ticket-keys');
  expect(told.map(({ severity }) => severity)).toEqual(Array.from({ length: notices }, () => 'notice'));
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
});
