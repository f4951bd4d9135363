import type { ConnectionInfo, StreamInfo } from '../base/stream-info.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { DataPath, SnapshotRuntime } from '../http/runtime.ts';
import type { Transport, TransportOwner } from '../network/transport.ts';

/** How a filter ends its connection: after what was written has left, or at once. */
export type CloseMode = 'flush' | 'abort';

/** A downstream connection as network filters see it. */
export interface NetworkConnection {
  readonly info: ConnectionInfo;
  /** The account of the whole connection, for access logs and the recorder. */
  readonly account: StreamInfo;
  readonly transport: Transport;
  readonly path: DataPath;
  /** The configuration that runs when the connection begins. */
  readonly snapshot: SnapshotRuntime;
  /** `per_connection_buffer_limit_bytes`. */
  readonly bufferLimit: number;
  /** Set by a filter: the cluster that the TCP proxy takes instead of its own (`envoy.tcp_proxy.cluster`). */
  clusterName: string;
  close(mode: CloseMode): void;
}

/** `stop` is final: the filter has closed the connection, or will. */
export type NetworkFilterStatus = 'continue' | 'stop';

/** A filter before the terminal one; one object per connection. */
export interface NetworkFilter {
  onNewConnection?(): NetworkFilterStatus;
  /** Before the terminal filter sees them. `ended`: the client half-closed with these bytes. */
  onData?(bytes: Buffer, start: number, end: number, ended: boolean): NetworkFilterStatus;
  /** The last call. */
  onClose?(): void;
}

/** The terminal filter of one connection: it gets the bytes. */
export interface TerminalFilter extends TransportOwner {
  /** The filters before it let the connection through. */
  onNewConnection(): void;
  /** Its filter chain or listener is going: ends when that hurts nobody. */
  drain(): void;
}

/** A compiled filter that is not terminal. */
export interface NetworkFilterFactory {
  readonly kind: 'filter';
  readonly name: string;
  readonly source: SourceRange;
  create(connection: NetworkConnection): NetworkFilter;
}

/** A compiled terminal filter other than the HTTP connection manager. */
export interface TerminalFactory {
  readonly kind: 'terminal';
  readonly name: string;
  readonly source: SourceRange;
  /** Clusters that it may send to. */
  readonly clusters: readonly string[];
  create(connection: NetworkConnection): TerminalFilter;
}
