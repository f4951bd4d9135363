import type { HeaderList } from '../../base/headers.ts';
import type {
  Attempt,
  PickCircumstances,
  RequestHead,
  ResponseHead,
  SocketAddress,
  StreamInfo,
} from '../../base/stream-info.ts';
import { connectionFacts, upstreamFacts } from './connection-facts.ts';
import type { FieldWriter } from './field-writer.ts';
import type { StringTable } from './string-table.ts';

/**
 * The variable part of a record: doubles (byte counters, attempts), then one latin1 text of fields separated by NUL,
 * which no header, path or name can hold. Decoding never throws; a field that is not there reads as empty.
 */
const SEPARATOR = '\0';
export const COUNTER_DOUBLES = 12;
export const ATTEMPT_DOUBLES = 20;
/** Places in the string table beside those that columns have (`I`). */
const Place = { HostAddress: 40, HostName: 41 } as const;

/** Method, authority, path: what a row needs, and how the text of a record begins. */
export function writeRow(to: FieldWriter, head: RequestHead | null): void {
  to.begin(head === null ? '' : head.method);
  to.field(head === null ? '' : head.authority);
  to.field(head === null ? '' : head.path);
}

/** Everything else of a finished stream. */
export function writeRest(to: FieldWriter, info: StreamInfo): void {
  const received = info.receivedHead;
  const sent = info.requestHead;
  const c = info.connection;
  to.field(received === null ? '' : received.scheme);
  to.field(received === null ? '' : received.protocol);
  writeAddress(to, info.remote);
  writeAddress(to, c.directRemote);
  writeAddress(to, c.local);
  writeAddress(to, info.upstreamLocal);
  to.field(c.requestedServerName);
  to.field(info.requestId);
  to.field(info.upstreamTransportFailureReason);
  to.field(info.localReplyBody);
  to.field(info.serviceNotes === undefined ? '' : info.serviceNotes.join('\n'));
  to.field(info.redirectHops === undefined ? '' : String(info.redirectHops));
  to.field(c.terminationDetails);
  writeHeaders(to, received === null ? null : received.headers, null);
  if (sent === null) to.field('-');
  else {
    to.field(sent.method);
    to.field(sent.authority);
    to.field(sent.path);
    to.field(sent.scheme);
    writeHeaders(to, sent.headers, received === null ? null : received.headers);
  }
  writeHeaders(to, info.requestTrailers, null);
  const upstream = info.upstreamResponseHead;
  writeResponse(to, upstream, null);
  writeResponse(to, info.responseHead, upstream === null ? null : upstream.headers);
  writeHeaders(to, info.responseTrailers, null);
}

function writeAddress(to: FieldWriter, address: SocketAddress | null): void {
  to.field(address === null ? '' : address.ip);
  if (address === null) to.field('');
  else to.number(address.port);
}

function writeResponse(to: FieldWriter, head: ResponseHead | null, base: HeaderList | null): void {
  if (head === null) {
    to.field('-');
    return;
  }
  to.number(head.status);
  writeHeaders(to, head.headers, base);
}

/** `shared` items as in `base`, then `own` further ones. */
function writeHeaders(to: FieldWriter, headers: HeaderList | null, base: HeaderList | null): void {
  const length = headers === null ? 0 : headers.length;
  let shared = 0;
  if (headers !== null && base !== null) {
    const most = Math.min(length, base.length);
    while (shared < most && headers[shared] === base[shared]) shared++;
  }
  to.number(shared);
  to.number(length - shared);
  if (headers === null) return;
  for (let i = shared; i < length; i++) to.field(headers[i] as string);
}

/** `strings` gets names, `connections` the facts of connections. */
export function writeDoubles(
  info: StreamInfo,
  to: Float64Array,
  at: number,
  strings: StringTable,
  connections: StringTable,
): void {
  to[at] = info.downstreamHeaderBytesReceived;
  to[at + 1] = info.downstreamWireBytesReceived;
  to[at + 2] = info.downstreamHeaderBytesSent;
  to[at + 3] = info.downstreamWireBytesSent;
  to[at + 4] = info.upstreamHeaderBytesSent;
  to[at + 5] = info.upstreamWireBytesSent;
  to[at + 6] = info.upstreamHeaderBytesReceived;
  to[at + 7] = info.upstreamWireBytesReceived;
  to[at + 8] = info.upstreamConnectionId;
  to[at + 9] = info.connection.tls === null ? 0 : 1;
  to[at + 10] = connections.id(connectionFacts(info.connection));
  to[at + 11] = connections.id(upstreamFacts(info.upstreamTls));
  let p = at + COUNTER_DOUBLES;
  const attempts = info.attempts;
  for (let i = 0; i < attempts.length; i++) {
    const a = attempts[i] as Attempt;
    to[p] = a.status;
    to[p + 1] = a.upstreamConnectionId;
    to[p + 2] = a.random;
    to[p + 3] = a.hostSetId;
    to[p + 4] = a.started;
    to[p + 5] = a.connectStarted;
    to[p + 6] = a.connected;
    to[p + 7] = a.poolReady;
    to[p + 8] = a.sentFirst;
    to[p + 9] = a.sentLast;
    to[p + 10] = a.firstByte;
    to[p + 11] = a.lastByte;
    to[p + 12] = strings.idAt(Place.HostAddress, a.hostAddress);
    to[p + 13] = strings.idAt(Place.HostName, a.hostName);
    to[p + 14] = strings.id(a.resetReason);
    to[p + 15] = strings.id(a.transportFailureReason);
    to[p + 16] = a.position;
    to[p + 17] = strings.id(a.reason);
    to[p + 18] = a.secured;
    to[p + 19] = a.circumstances === null ? 0 : strings.id(JSON.stringify(a.circumstances));
    p += ATTEMPT_DOUBLES;
  }
}

export function readAttempts(from: Float64Array, at: number, count: number, strings: StringTable): Attempt[] {
  const attempts: Attempt[] = [];
  for (let i = 0; i < count; i++) {
    const p = at + COUNTER_DOUBLES + i * ATTEMPT_DOUBLES;
    const value = (k: number): number => from[p + k] ?? 0;
    attempts.push({
      status: value(0),
      upstreamConnectionId: value(1),
      random: value(2),
      hostSetId: value(3),
      position: value(16),
      circumstances: readCircumstances(strings.text(value(19))),
      started: value(4),
      connectStarted: value(5),
      connected: value(6),
      secured: value(18),
      poolReady: value(7),
      sentFirst: value(8),
      sentLast: value(9),
      firstByte: value(10),
      lastByte: value(11),
      reason: strings.text(value(17)),
      hostAddress: strings.text(value(12)),
      hostName: strings.text(value(13)),
      resetReason: strings.text(value(14)),
      transportFailureReason: strings.text(value(15)),
    });
  }
  return attempts;
}

/** Null also for what the table had no more room for. */
function readCircumstances(text: string): PickCircumstances | null {
  return text.startsWith('{') ? (JSON.parse(text) as PickCircumstances) : null;
}

/** What the text of a block held. */
export interface BlockText {
  readonly receivedHead: RequestHead;
  readonly requestHead: RequestHead | null;
  readonly requestTrailers: HeaderList | null;
  readonly upstreamResponseHead: ResponseHead | null;
  readonly responseHead: ResponseHead | null;
  readonly responseTrailers: HeaderList | null;
  readonly remote: SocketAddress;
  readonly directRemote: SocketAddress;
  readonly local: SocketAddress;
  readonly upstreamLocal: SocketAddress | null;
  readonly requestedServerName: string;
  readonly requestId: string;
  readonly upstreamTransportFailureReason: string;
  readonly localReplyBody: string;
  readonly serviceNotes: readonly string[];
  readonly redirectHops: number;
  readonly terminationDetails: string;
}

class FieldCursor {
  private at = 0;
  private readonly fields: string[];

  constructor(text: string) {
    this.fields = text.split(SEPARATOR);
  }

  next(): string {
    return this.fields[this.at++] ?? '';
  }

  count(): number {
    const n = Number(this.next());
    return Number.isInteger(n) && n >= 0 && n <= this.fields.length ? n : 0;
  }

  address(): SocketAddress {
    return { ip: this.next(), port: Number(this.next()) };
  }

  headers(base: readonly string[] | null): HeaderList {
    const shared = this.count();
    const own = this.count();
    const headers = base === null ? [] : base.slice(0, shared);
    for (let i = 0; i < own; i++) headers.push(this.next());
    return headers;
  }

  response(base: readonly string[] | null): ResponseHead | null {
    const status = this.next();
    if (status === '-') return null;
    return { status: Number(status), headers: this.headers(base) };
  }
}

export function readBlockText(text: string): BlockText {
  const cursor = new FieldCursor(text);
  const received = {
    method: cursor.next(),
    authority: cursor.next(),
    path: cursor.next(),
    scheme: cursor.next(),
    protocol: cursor.next(),
  };
  const remote = cursor.address();
  const directRemote = cursor.address();
  const local = cursor.address();
  const upstreamLocal = cursor.address();
  const requestedServerName = cursor.next();
  const requestId = cursor.next();
  const upstreamTransportFailureReason = cursor.next();
  const localReplyBody = cursor.next();
  const notes = cursor.next();
  const redirectHops = Number(cursor.next());
  const terminationDetails = cursor.next();
  const receivedHead = { ...received, headers: cursor.headers(null) };
  const method = cursor.next();
  const requestHead =
    method === '-'
      ? null
      : {
          method,
          authority: cursor.next(),
          path: cursor.next(),
          scheme: cursor.next(),
          protocol: received.protocol,
          headers: cursor.headers(receivedHead.headers),
        };
  const requestTrailers = cursor.headers(null);
  const upstreamResponseHead = cursor.response(null);
  const responseHead = cursor.response(upstreamResponseHead?.headers ?? null);
  const responseTrailers = cursor.headers(null);
  return {
    receivedHead,
    requestHead,
    requestTrailers: requestTrailers.length === 0 ? null : requestTrailers,
    upstreamResponseHead,
    responseHead,
    responseTrailers: responseTrailers.length === 0 ? null : responseTrailers,
    remote,
    directRemote,
    local,
    upstreamLocal: upstreamLocal.ip === '' ? null : upstreamLocal,
    requestedServerName,
    requestId,
    upstreamTransportFailureReason,
    localReplyBody,
    serviceNotes: notes === '' ? [] : notes.split('\n'),
    redirectHops,
    terminationDetails,
  };
}
