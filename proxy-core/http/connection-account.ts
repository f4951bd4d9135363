import type { HttpProtocol } from '../base/stream-info.ts';
import type { ConnectionManagerStats } from './connection-manager-stats.ts';

/** What the end of a connection is counted by. */
export interface ConnectionEnd {
  readonly tls: boolean;
  /** What it spoke; null when its first bytes never told. */
  readonly protocol: HttpProtocol | null;
  /** This side closed it. */
  readonly locally: boolean;
  /** Requests were under way. */
  readonly busy: boolean;
  readonly bytesWritten: number;
  /** Milliseconds that it lived. */
  readonly length: number;
}

export function countConnectionBegin(stats: ConnectionManagerStats, tls: boolean): void {
  stats.cxTotal.inc();
  stats.cxActive.inc();
  if (!tls) return;
  stats.cxSslTotal.inc();
  stats.cxSslActive.inc();
}

/** The connection has shown what it speaks. */
export function countProtocol(stats: ConnectionManagerStats, protocol: HttpProtocol): void {
  if (protocol === 'HTTP/2') {
    stats.cxHttp2Total.inc();
    stats.cxHttp2Active.inc();
  } else {
    stats.cxHttp1Total.inc();
    stats.cxHttp1Active.inc();
  }
}

export function countConnectionEnd(stats: ConnectionManagerStats, end: ConnectionEnd): void {
  stats.cxActive.dec();
  if (end.protocol === 'HTTP/2') stats.cxHttp2Active.dec();
  else if (end.protocol !== null) stats.cxHttp1Active.dec();
  if (end.tls) stats.cxSslActive.dec();
  stats.cxDestroy.inc();
  if (end.locally) {
    stats.cxDestroyLocal.inc();
    if (end.busy) stats.cxDestroyLocalActiveRq.inc();
  } else {
    stats.cxDestroyRemote.inc();
    if (end.busy) stats.cxDestroyRemoteActiveRq.inc();
  }
  if (end.busy) stats.cxDestroyActiveRq.inc();
  stats.cxTxBytesTotal.add(end.bytesWritten);
  stats.cxLengthMs.record(Math.round(end.length));
}
