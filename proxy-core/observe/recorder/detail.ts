import type { HeaderList } from '../../base/headers.ts';
import { reasonPhrase } from '../../base/reason-phrase.ts';
import type { HttpProtocol, RequestHead, ResponseHead, StreamInfo } from '../../base/stream-info.ts';
import type { RecordDetail, RecordedMessage, RecordRow } from '../../facade/records.ts';
import { addressText, connectionDetail } from './connection-detail.ts';
import { shownHead } from './shown-head.ts';

/** The row of a stream that still runs. */
export function toLiveRow(
  seq: number,
  info: StreamInfo,
  routeId: string,
  requestBytes: number,
  responseBytes: number,
): RecordRow {
  const head = shownHead(info);
  return {
    seq,
    at: info.startWall,
    method: head?.method ?? '',
    authority: head?.authority ?? '',
    path: head?.path ?? '',
    status: info.responseCode,
    flags: info.responseFlags.join(','),
    details: info.responseCodeDetails,
    local: info.localReply,
    done: false,
    protocol: info.downstreamProtocol,
    listener: info.connection.listenerName,
    route: info.routeName || routeId,
    cluster: info.clusterName,
    host: info.upstreamHost,
    attempts: info.attempts.length,
    requestBytes,
    responseBytes,
    duration: -1,
  };
}

interface Extra {
  /** Whole lengths of the bodies that passed. */
  readonly request: number;
  readonly response: number;
  readonly logLine: string;
}

/** `routeSource` stays null: only the snapshot knows it. */
export function toDetail(
  row: RecordRow,
  info: StreamInfo,
  requestKept: number,
  responseKept: number,
  extra: Extra,
): RecordDetail {
  const tcp = info.downstreamProtocol === 'TCP';
  const reachedUpstream = info.attempts.some((a) => a.sentFirst >= 0);
  const upstreamProtocol = info.upstreamProtocol ?? 'HTTP/1.1';
  const empty: RequestHead = { method: '', authority: '', path: '', scheme: '', protocol: '', headers: [] };
  const micros = (at: number): number | null => (at < 0 ? null : Math.round((at - info.start) * 1000));
  return {
    row,
    snapshotVersion: info.snapshotVersion,
    remote: addressText(info.remote),
    virtualHost: info.virtualHostName,
    routeSource: null,
    request: tcp
      ? connectionMessage(row, requestKept, extra.request)
      : requestMessage(
          info.receivedHead ?? empty,
          info.downstreamProtocol,
          info.requestTrailers,
          requestKept,
          extra.request,
        ),
    upstreamRequest:
      reachedUpstream && info.requestHead !== null
        ? requestMessage(info.requestHead, upstreamProtocol, info.requestTrailers, requestKept, extra.request)
        : null,
    upstreamResponse:
      info.upstreamResponseHead === null
        ? null
        : responseMessage(
            info.upstreamResponseHead,
            upstreamProtocol,
            info.responseTrailers,
            responseKept,
            extra.response,
          ),
    response: tcp
      ? connectionMessage(row, responseKept, extra.response)
      : info.responseHead === null
        ? null
        : responseMessage(
            info.responseHead,
            info.downstreamProtocol,
            info.responseTrailers,
            responseKept,
            extra.response,
          ),
    timing: {
      requestComplete: micros(info.requestComplete),
      attempts: info.attempts.map((a) => ({
        host: a.hostAddress,
        reason: a.reason,
        status: a.status,
        connection: a.upstreamConnectionId,
        failure: [a.resetReason, a.transportFailureReason].filter((part) => part !== '').join(', '),
        started: micros(a.started) ?? 0,
        connectStarted: micros(a.connectStarted),
        connected: micros(a.connected),
        secured: micros(a.secured),
        poolReady: micros(a.poolReady),
        sentFirst: micros(a.sentFirst),
        sentLast: micros(a.sentLast),
        firstByte: micros(a.firstByte),
        lastByte: micros(a.lastByte),
      })),
      responseFirst: micros(info.responseFirst),
      end: micros(info.end),
    },
    connection: connectionDetail(info),
    redirectHops: info.redirectHops ?? 0,
    notes: info.serviceNotes ?? [],
    logLine: extra.logLine,
  };
}

/** One direction of a connection: nothing but its bytes. */
function connectionMessage(row: RecordRow, bodyKept: number, bodyLength: number): RecordedMessage {
  return { startLine: `TCP ${row.authority}`, headers: [], trailers: [], bodyKept, bodyLength };
}

function requestMessage(
  head: RequestHead,
  protocol: HttpProtocol,
  trailers: HeaderList | null,
  bodyKept: number,
  bodyLength: number,
): RecordedMessage {
  const headers = pairs(head.headers);
  headers.unshift([protocol === 'HTTP/2' ? ':authority' : 'host', head.authority]);
  const target = head.path === '' ? head.authority : head.path;
  return {
    startLine: `${head.method} ${target} ${protocol}`,
    headers,
    trailers: pairs(trailers ?? []),
    bodyKept,
    bodyLength,
  };
}

function responseMessage(
  head: ResponseHead,
  protocol: HttpProtocol,
  trailers: HeaderList | null,
  bodyKept: number,
  bodyLength: number,
): RecordedMessage {
  return {
    startLine: `${protocol} ${head.status}${protocol === 'HTTP/2' ? '' : ` ${reasonPhrase(head.status)}`}`,
    headers: pairs(head.headers),
    trailers: pairs(trailers ?? []),
    bodyKept,
    bodyLength,
  };
}

function pairs(headers: readonly string[]): [string, string][] {
  const result: [string, string][] = [];
  for (let i = 0; i + 1 < headers.length; i += 2)
    result.push([headers[i] as string, headers[i + 1] as string]);
  return result;
}
