import type {
  ConnectionInfo,
  HttpProtocol,
  ResponseFlag,
  StreamInfo,
  TlsInfo,
} from '../../base/stream-info.ts';
import { NO_FLAGS } from '../../base/stream-info.ts';
import type { RecordRow } from '../../facade/records.ts';
import { ATTEMPT_DOUBLES, COUNTER_DOUBLES, readAttempts, readBlockText } from './block.ts';
import { F, F_STRIDE, I, I_STRIDE, LOCAL } from './columns.ts';
import { readFacts } from './connection-facts.ts';
import type { StringTable } from './string-table.ts';

/** Where the fixed fields of all records lie. */
export interface RecordColumns {
  readonly floats: Float64Array;
  readonly ints: Int32Array;
  readonly strings: StringTable;
  /** Of the facts of connections. */
  readonly connections: StringTable;
}

/** The row of a finished record; `rowText` is what `rowText()` of block.ts made. */
export function finishedRow(columns: RecordColumns, seq: number, slot: number, rowText: string): RecordRow {
  const f = slot * F_STRIDE;
  const i = slot * I_STRIDE;
  const float = (column: number): number => columns.floats[f + column] as number;
  const int = (column: number): number => columns.ints[i + column] as number;
  const text = (column: number): string => columns.strings.text(int(column));
  const [method = '', authority = '', path = ''] = rowText.split('\0');
  return {
    seq,
    at: float(F.startWall),
    method,
    authority,
    path,
    status: int(I.status),
    flags: text(I.flags),
    details: text(I.details),
    local: (int(I.bits) & LOCAL) !== 0,
    done: true,
    protocol: text(I.protocol),
    listener: text(I.listener),
    route: text(I.routeName) || text(I.route),
    cluster: text(I.cluster),
    host: text(I.host),
    attempts: int(I.attempts),
    requestBytes: float(F.bytesReceived),
    responseBytes: float(F.bytesSent),
    duration: Math.max(0, float(F.end) - float(F.start)),
  };
}

const UNKNOWN_TLS: TlsInfo = { version: '', cipher: '', sessionId: '', alpn: '', peer: null, local: null };

/** The stream of a finished record, from its columns, the doubles of its block (from `at`) and the block's text. */
export function rebuildStream(
  columns: RecordColumns,
  seq: number,
  slot: number,
  doubles: Float64Array,
  at: number,
  blockText: string,
): StreamInfo {
  const f = slot * F_STRIDE;
  const i = slot * I_STRIDE;
  const float = (column: number): number => columns.floats[f + column] as number;
  const int = (column: number): number => columns.ints[i + column] as number;
  const text = (column: number): string => columns.strings.text(int(column));
  const block = readBlockText(blockText);
  const counter = (k: number): number => doubles[at + k] ?? 0;
  const kept = (int(I.doubles) - COUNTER_DOUBLES) / ATTEMPT_DOUBLES;
  const facts = readFacts(columns.connections.text(counter(10)));
  const connection: ConnectionInfo = {
    id: int(I.connectionId),
    listenerName: text(I.listener),
    local: block.local,
    directRemote: block.directRemote,
    filterChainName: text(I.filterChain),
    requestedServerName: block.requestedServerName,
    ...(facts.ja3 === '' ? {} : { ja3: facts.ja3, ja4: facts.ja4 }),
    tls: counter(9) === 0 ? null : (facts.tls ?? UNKNOWN_TLS),
    terminationDetails: block.terminationDetails,
  };
  const flags = text(I.flags);
  return {
    streamId: float(F.streamId),
    connection,
    snapshotVersion: float(F.snapshotVersion),
    downstreamProtocol: text(I.protocol) as HttpProtocol,
    startWall: float(F.startWall),
    start: float(F.start),
    requestComplete: float(F.requestComplete),
    responseFirst: float(F.responseFirst),
    end: float(F.end),
    receivedHead: text(I.protocol) === 'TCP' ? null : block.receivedHead,
    requestHead: block.requestHead,
    requestTrailers: block.requestTrailers,
    upstreamResponseHead: block.upstreamResponseHead,
    responseHead: block.responseHead,
    responseTrailers: block.responseTrailers,
    responseCode: int(I.status),
    responseCodeDetails: text(I.details),
    responseFlags: flags === '' ? NO_FLAGS : (flags.split(',') as ResponseFlag[]),
    bytesReceived: float(F.bytesReceived),
    bytesSent: float(F.bytesSent),
    downstreamHeaderBytesReceived: counter(0),
    downstreamWireBytesReceived: counter(1),
    downstreamHeaderBytesSent: counter(2),
    downstreamWireBytesSent: counter(3),
    upstreamHeaderBytesSent: counter(4),
    upstreamWireBytesSent: counter(5),
    upstreamHeaderBytesReceived: counter(6),
    upstreamWireBytesReceived: counter(7),
    remote: block.remote,
    random: float(F.random),
    requestId: block.requestId,
    routeConfigName: text(I.routeConfig),
    virtualHostName: text(I.virtualHost),
    routeName: text(I.routeName),
    routeIndex: int(I.routeIndex),
    clusterName: text(I.cluster),
    clusterStatName: text(I.cluster),
    upstreamProtocol: int(I.upstreamProtocol) === 0 ? null : (text(I.upstreamProtocol) as HttpProtocol),
    upstreamHost: text(I.host),
    upstreamHostName: text(I.hostName),
    upstreamLocal: block.upstreamLocal,
    upstreamTransportFailureReason: block.upstreamTransportFailureReason,
    upstreamConnectionId: counter(8),
    upstreamTls:
      counter(11) === 0 ? null : (readFacts(columns.connections.text(counter(11))).tls ?? UNKNOWN_TLS),
    attempts: readAttempts(doubles, at, kept, columns.strings),
    localReply: (int(I.bits) & LOCAL) !== 0,
    localReplyBody: block.localReplyBody,
    ...(block.serviceNotes.length === 0 ? {} : { serviceNotes: [...block.serviceNotes] }),
    ...(block.redirectHops === 0 ? {} : { redirectHops: block.redirectHops }),
    dynamicMetadata: null,
    filterState: null,
    record: seq,
  };
}
