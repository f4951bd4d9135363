import type { Attempt, PeerCertificate, StreamInfo } from '../../base/stream-info.ts';
import { type FormatError, type Operator, type OperatorDefinition, plain } from './operator.ts';
import { isoTime, localIsoTime, timeFormat } from './strftime.ts';

export function lastAttempt(info: StreamInfo): Attempt | null {
  return info.attempts[info.attempts.length - 1] ?? null;
}

/** Whole milliseconds between two points; null when one was not reached. */
function between(from: number, to: number): number | null {
  return from < 0 || to < 0 ? null : Math.max(0, Math.floor(to - from));
}

function instant(wall: (info: StreamInfo) => number, local: boolean): OperatorDefinition {
  return {
    args: 'optional',
    length: true,
    compile: (args) => {
      const format = args === '' ? (local ? localIsoTime : isoTime) : timeFormat(args, local);
      return (info) => format(wall(info));
    },
  };
}

const startWall = (info: StreamInfo): number => info.startWall;
/** Logs are written at the end of the stream: that is the time of writing. */
const emitWall = (info: StreamInfo): number =>
  info.end < 0 ? info.startWall : info.startWall + (info.end - info.start);

/** Time points of COMMON_DURATION. */
const POINTS: Readonly<Record<string, (info: StreamInfo) => number>> = {
  DS_RX_BEG: (info) => info.start,
  DS_RX_END: (info) => info.requestComplete,
  US_CX_BEG: (info) => lastAttempt(info)?.connectStarted ?? -1,
  US_CX_END: (info) => lastAttempt(info)?.connected ?? -1,
  US_HS_END: (info) => lastAttempt(info)?.secured ?? -1,
  US_TX_BEG: (info) => lastAttempt(info)?.sentFirst ?? -1,
  US_TX_END: (info) => lastAttempt(info)?.sentLast ?? -1,
  US_RX_BEG: (info) => lastAttempt(info)?.firstByte ?? -1,
  US_RX_END: (info) => lastAttempt(info)?.lastByte ?? -1,
  DS_TX_BEG: (info) => info.responseFirst,
  DS_TX_END: (info) => info.end,
};
const UNITS: Readonly<Record<string, number>> = { ms: 1, us: 1e3, ns: 1e6 };

function commonDuration(args: string): Operator | FormatError {
  const [from = '', to = '', unit = '', ...rest] = args.split(':');
  if (unit === '' || rest.length > 0) return { error: `Invalid common duration configuration: ${args}.` };
  const begin = POINTS[from];
  const finish = POINTS[to];
  const factor = UNITS[unit];
  if (factor === undefined) return { error: `Invalid common duration precision: ${unit}.` };
  const absent: Operator = () => null;
  if (begin === undefined || finish === undefined) return absent;
  return (info) => {
    const b = begin(info);
    const e = finish(info);
    return b < 0 || e < 0 || e < b ? null : Math.floor((e - b) * factor);
  };
}

function certificateTime(
  certificate: (info: StreamInfo) => PeerCertificate | null,
  time: (certificate: PeerCertificate) => number,
): OperatorDefinition {
  return {
    args: 'optional',
    length: true,
    compile: (args) => {
      const format = args === '' ? isoTime : timeFormat(args, false);
      return (info) => {
        const found = certificate(info);
        return found === null ? null : format(time(found));
      };
    },
  };
}

const downstreamPeer = (info: StreamInfo): PeerCertificate | null => info.connection.tls?.peer ?? null;
const upstreamPeer = (info: StreamInfo): PeerCertificate | null => info.upstreamTls?.peer ?? null;

export const TIME_OPERATORS: Readonly<Record<string, OperatorDefinition>> = {
  START_TIME: instant(startWall, false),
  START_TIME_LOCAL: instant(startWall, true),
  EMIT_TIME: instant(emitWall, false),
  EMIT_TIME_LOCAL: instant(emitWall, true),
  DURATION: plain((info) => between(info.start, info.end >= 0 ? info.end : info.responseFirst)),
  REQUEST_DURATION: plain((info) => between(info.start, info.requestComplete)),
  REQUEST_TX_DURATION: plain((info) => between(info.start, lastAttempt(info)?.sentLast ?? -1)),
  RESPONSE_DURATION: plain((info) => between(info.start, lastAttempt(info)?.firstByte ?? -1)),
  RESPONSE_TX_DURATION: plain((info) => between(lastAttempt(info)?.firstByte ?? -1, info.end)),
  COMMON_DURATION: { args: 'required', length: true, compile: commonDuration },
  DOWNSTREAM_HANDSHAKE_DURATION: plain(() => null),
  ROUNDTRIP_DURATION: plain(() => null),
  UPSTREAM_CONNECTION_POOL_READY_DURATION: plain((info) => {
    const attempt = lastAttempt(info);
    return attempt === null ? null : between(attempt.started, attempt.poolReady);
  }),
  DOWNSTREAM_PEER_CERT_V_START: certificateTime(downstreamPeer, (c) => c.validFrom),
  DOWNSTREAM_PEER_CERT_V_END: certificateTime(downstreamPeer, (c) => c.validTo),
  UPSTREAM_PEER_CERT_V_START: certificateTime(upstreamPeer, (c) => c.validFrom),
  UPSTREAM_PEER_CERT_V_END: certificateTime(upstreamPeer, (c) => c.validTo),
};
