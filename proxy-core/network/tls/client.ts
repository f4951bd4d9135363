import type { TLSSocket } from 'node:tls';
import type { TlsInfo } from '../../base/stream-info.ts';
import type { readInto } from '../read-buffer.ts';
import type { TlsStats } from './stats.ts';

/** A compiled upstream TLS context. Immutable; used for every connection of a cluster. */
export interface ClientTls {
  /** Starts a connection; `secureConnect` tells that the handshake is done. */
  connect(
    host: { readonly ip: string; readonly port: number; readonly address: string },
    protocol: 'HTTP1' | 'HTTP2' | 'AUTO' | 'TCP',
    onread: ReturnType<typeof readInto>,
    /** Offered in place of what the context says; empty: what the context says. */
    alpn?: readonly string[],
  ): TLSSocket;
  /** After the handshake: empty, or Envoy's transport failure reason. Counts the outcome. */
  verify(socket: TLSSocket, stats: TlsStats): string;
  describe(socket: TLSSocket): TlsInfo;
}
