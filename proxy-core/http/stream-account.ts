import type { StreamInfo } from '../base/stream-info.ts';
import type { AccessLog } from '../observe/types.ts';
import type { WireCounts } from './codec/codec.ts';
import type { ConnectionManagerStats } from './connection-manager-stats.ts';

export function writeLogs(logs: readonly AccessLog[], info: StreamInfo): void {
  for (let i = 0; i < logs.length; i++) logs[i]?.log(info);
}

export function countStreamBegin(stats: ConnectionManagerStats, info: StreamInfo): void {
  stats.rqTotal.inc();
  stats.rqActive.inc();
  if (info.downstreamProtocol === 'HTTP/2') stats.rqHttp2Total.inc();
  else stats.rqHttp1Total.inc();
}

/** `answered`: the code is one that a client got. */
export function countStreamEnd(stats: ConnectionManagerStats, info: StreamInfo, answered: boolean): void {
  stats.rqActive.dec();
  const code = info.responseCode;
  if (code > 0 && answered) {
    stats.rqCompleted.inc();
    stats.listenerRqCompleted.inc();
    const index = Math.floor(code / 100);
    stats.rqClass[index]?.inc();
    stats.listenerRqClass[index]?.inc();
  }
  stats.rqTime.record(Math.round(info.end - info.start));
}

export function noteWire(info: StreamInfo, wire: WireCounts): void {
  info.downstreamHeaderBytesReceived = wire.headerBytesReceived;
  info.downstreamWireBytesReceived = wire.bytesReceived;
  info.downstreamHeaderBytesSent = wire.headerBytesSent;
  info.downstreamWireBytesSent = wire.bytesSent;
}
