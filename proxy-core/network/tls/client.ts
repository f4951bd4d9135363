import type { TLSSocket } from 'node:tls';
import type { TlsInfo } from '../../base/stream-info.ts';
import type { ConnectTarget } from '../connect.ts';
import type { readInto } from '../read-buffer.ts';
import type { TlsStats } from './stats.ts';

/** What a connection carries of its own instead of what a context says (`auto_sni`, `auto_san_validation`). */
export interface ServerName {
  /** Empty: what the context says. */
  readonly sni: string;
  /** The name that the certificate must stand for; empty: what the context says. */
  readonly san: string;
  /** Sent before the handshake, or before anything else without TLS: a PROXY header. */
  readonly preface?: Uint8Array | null;
}

/** A compiled upstream TLS context, used for every connection of a cluster. */
export interface ClientTls {
  /** Starts a connection; `secureConnect` tells that the handshake is done. */
  connect(
    host: ConnectTarget,
    protocol: 'HTTP1' | 'HTTP2' | 'AUTO' | 'TCP',
    onread: ReturnType<typeof readInto>,
    /** Offered in place of what the context says; empty: what the context says. */
    alpn?: readonly string[],
    name?: ServerName,
  ): TLSSocket;
  /** After the handshake: empty, or Envoy's transport failure reason. Counts the outcome. */
  verify(socket: TLSSocket, stats: TlsStats, name?: ServerName): string;
  /** The error code that ended a connection before its handshake was done, in Envoy's words if it is one of TLS. Counts it. */
  failure(error: string, stats: TlsStats): string;
  describe(socket: TLSSocket): TlsInfo;
}
