import type { Counter, Stats } from '../../base/stats.ts';
import type { MessageReader } from '../../config/reader.ts';
import { readClientHello } from '../tls/client-hello.ts';
import { ja3, ja4 } from '../tls/fingerprint.ts';
import { type Findings, type ListenerFilter, NEED_MORE } from './inspection.ts';

/** `tls_inspector.*`, shared by all listeners; appear with the first inspected connection. */
interface TlsInspectorStats {
  readonly tlsFound: Counter;
  readonly tlsNotFound: Counter;
  readonly sniFound: Counter;
  readonly sniNotFound: Counter;
  readonly alpnFound: Counter;
  readonly alpnNotFound: Counter;
}

function tlsInspectorStats(stats: Stats): TlsInspectorStats {
  const counter = (name: string): Counter => stats.counter(`tls_inspector.${name}`);
  return {
    tlsFound: counter('tls_found'),
    tlsNotFound: counter('tls_not_found'),
    sniFound: counter('sni_found'),
    sniNotFound: counter('sni_not_found'),
    alpnFound: counter('alpn_found'),
    alpnNotFound: counter('alpn_not_found'),
  };
}

/** `envoy.filters.listener.tls_inspector`: server name, ALPN and, on demand, fingerprints of a ClientHello. */
export function tlsInspector(config: MessageReader, stats: Stats): ListenerFilter {
  // How much is read at a time is the system's business here.
  config.acknowledge('initial_read_buffer_size');
  const fingerprints = config.bool('enable_ja3_fingerprinting') ?? false;
  let counters: TlsInspectorStats | null = null;
  return {
    name: 'envoy.filters.listener.tls_inspector',
    needsBytes: true,
    inspect(bytes: Buffer, findings: Findings): number {
      const hello = readClientHello(bytes);
      if (hello === 'incomplete') return NEED_MORE;
      if (hello !== 'not-tls') {
        findings.transportProtocol = 'tls';
        findings.serverName = hello.serverName;
        findings.applicationProtocols = hello.protocols;
        if (fingerprints) {
          findings.ja3 = ja3(hello);
          findings.ja4 = ja4(hello);
        }
      }
      return 0;
    },
    count(findings) {
      counters ??= tlsInspectorStats(stats);
      if (findings.transportProtocol !== 'tls') {
        counters.tlsNotFound.inc();
        return;
      }
      counters.tlsFound.inc();
      (findings.serverName === '' ? counters.sniNotFound : counters.sniFound).inc();
      (findings.applicationProtocols.length === 0 ? counters.alpnNotFound : counters.alpnFound).inc();
    },
  };
}
