import type { StreamInfo } from '../../base/stream-info.ts';
import { NO_FLAGS } from '../../base/stream-info.ts';
import type { BodySide, BodySlice, RowBatch, RowQuery } from '../../facade/core-api.ts';
import type { RecordDetail, RecorderState, RecordRow } from '../../facade/records.ts';
import { RouteIds } from '../route-ids.ts';
import type { StreamRecorder } from '../types.ts';
import { ATTEMPT_DOUBLES, COUNTER_DOUBLES, writeDoubles, writeRest, writeRow } from './block.ts';
import { ByteRing } from './byte-ring.ts';
import { DONE, F, F_STRIDE, I, I_STRIDE, LOCAL } from './columns.ts';
import { toDetail, toLiveRow } from './detail.ts';
import { FieldWriter } from './field-writer.ts';
import { finishedRow, type RecordColumns, rebuildStream } from './read-record.ts';
import { shownHead } from './shown-head.ts';
import { StringTable } from './string-table.ts';

export interface RecorderOptions {
  /** 20,000. */
  readonly maxRecords?: number;
  /** 256 MB. */
  readonly maxBytes?: number;
  /** Bytes kept of each body and side, 64 KiB. */
  readonly maxBodyPrefix?: number;
  readonly enabled?: boolean;
  /** Prints the log line of a record's detail; default: none. */
  readonly logLine?: (info: StreamInfo) => string;
}

/** Rows that are new or changed since `cursor`; pass the new cursor next time. */
export interface ChangedRows {
  readonly cursor: number;
  /** Ascending by seq. */
  readonly rows: readonly RecordRow[];
  /** Changes that were passed over: overwritten, or more than `limit`. */
  readonly skipped: number;
}

/** Length of a segment and position of the one before it, ahead of the body bytes. */
const SEGMENT_DOUBLES = 2;

/**
 * Keeps the last requests outside the garbage-collected heap (fixed fields in typed arrays, the rest in a ring of
 * bytes) and makes objects only when somebody looks. Never waits, never throws; what is too old is gone.
 */
export class Recorder implements StreamRecorder {
  private readonly maxRecords: number;
  private readonly maxBodyPrefix: number;
  private readonly floats: Float64Array;
  private readonly ints: Int32Array;
  /** Streams in flight by slot; their rows are read from the stream itself. */
  private readonly live: (StreamInfo | null)[];
  private readonly ring: ByteRing;
  /** The text of the record that ends just now. */
  private readonly writer = new FieldWriter();
  private readonly strings = new StringTable();
  private readonly connections = new StringTable(4096);
  private readonly columns: RecordColumns;
  private readonly routeIds: RouteIds;
  private readonly logLine: (info: StreamInfo) => string;
  /** Seqs in the order in which they began or ended. */
  private readonly changes: Float64Array;
  private changeHead = 0;
  private batch = 0;
  private lastSeq = 0;
  private firstSeq = 1;
  private recording: boolean;

  constructor(options: RecorderOptions = {}, routeIds: RouteIds = new RouteIds()) {
    this.maxRecords = Math.max(1, options.maxRecords ?? 20_000);
    this.ring = new ByteRing(options.maxBytes ?? 256 * 1024 * 1024);
    this.maxBodyPrefix = Math.min(options.maxBodyPrefix ?? 65536, this.ring.maxEntry - 64);
    this.floats = new Float64Array(this.maxRecords * F_STRIDE);
    this.ints = new Int32Array(this.maxRecords * I_STRIDE);
    this.columns = {
      floats: this.floats,
      ints: this.ints,
      strings: this.strings,
      connections: this.connections,
    };
    this.live = new Array<StreamInfo | null>(this.maxRecords).fill(null);
    this.changes = new Float64Array(this.maxRecords * 2);
    this.recording = options.enabled ?? true;
    this.routeIds = routeIds;
    this.logLine = options.logLine ?? (() => '');
  }

  begin(info: StreamInfo): void {
    if (!this.recording) {
      info.record = -1;
      return;
    }
    const seq = ++this.lastSeq;
    const slot = seq % this.maxRecords;
    const f = slot * F_STRIDE;
    const floats = this.floats;
    floats[f + F.seq] = seq;
    floats[f + F.firstByte] = this.ring.position;
    if (seq - this.firstSeq >= this.maxRecords) this.evictTo(seq - this.maxRecords + 1);
    floats[f + F.block] = -1;
    floats[f + F.requestBody] = -1;
    floats[f + F.responseBody] = -1;
    floats[f + F.requestBodyTotal] = 0;
    floats[f + F.responseBodyTotal] = 0;
    const i = slot * I_STRIDE;
    this.ints[i + I.bits] = 0;
    this.ints[i + I.requestBodyKept] = 0;
    this.ints[i + I.responseBodyKept] = 0;
    this.live[slot] = info;
    info.record = seq;
    this.changed(seq);
  }

  requestBody(info: StreamInfo, bytes: Uint8Array, start: number, end: number): void {
    this.keepBody(info, bytes, start, end, F.requestBody, F.requestBodyTotal, I.requestBodyKept);
  }

  responseBody(info: StreamInfo, bytes: Uint8Array, start: number, end: number): void {
    this.keepBody(info, bytes, start, end, F.responseBody, F.responseBodyTotal, I.responseBodyKept);
  }

  end(info: StreamInfo): void {
    const seq = info.record;
    const slot = this.slotOf(seq);
    if (slot < 0) return;
    this.live[slot] = null;
    const floats = this.floats;
    const f = slot * F_STRIDE;
    const i = slot * I_STRIDE;
    const ints = this.ints;
    const strings = this.strings;
    const text = this.writer;
    writeRow(text, shownHead(info));
    const rowLength = text.length;
    writeRest(text, info);
    const attempts = Math.min(info.attempts.length, 64);
    const doubles = COUNTER_DOUBLES + attempts * ATTEMPT_DOUBLES;
    const length = Math.min(text.length, this.ring.maxEntry - doubles * 8);
    const position = this.ring.allocate(doubles * 8 + length);
    const chunk = this.ring.chunkAt(position);
    const offset = this.ring.offsetOf(position);
    writeDoubles(info, chunk.doubles, offset / 8, strings, this.connections);
    copyBytes(text.bytes, 0, chunk.bytes, offset + doubles * 8, length);
    floats[f + F.startWall] = info.startWall;
    floats[f + F.start] = info.start;
    floats[f + F.requestComplete] = info.requestComplete;
    floats[f + F.responseFirst] = info.responseFirst;
    floats[f + F.end] = info.end;
    floats[f + F.block] = position;
    floats[f + F.bytesReceived] = info.bytesReceived;
    floats[f + F.bytesSent] = info.bytesSent;
    floats[f + F.random] = info.random;
    floats[f + F.snapshotVersion] = info.snapshotVersion;
    floats[f + F.streamId] = info.streamId;
    ints[i + I.status] = info.responseCode;
    ints[i + I.bits] = info.localReply ? DONE | LOCAL : DONE;
    ints[i + I.flags] = info.responseFlags === NO_FLAGS ? 0 : strings.id(info.responseFlags.join(','));
    ints[i + I.details] = strings.idAt(I.details, info.responseCodeDetails);
    ints[i + I.protocol] = strings.idAt(I.protocol, info.downstreamProtocol);
    ints[i + I.listener] = strings.idAt(I.listener, info.connection.listenerName);
    ints[i + I.route] = strings.idAt(I.route, this.routeIds.of(info));
    ints[i + I.routeName] = strings.idAt(I.routeName, info.routeName);
    ints[i + I.cluster] = strings.idAt(I.cluster, info.clusterName);
    ints[i + I.host] = strings.idAt(I.host, info.upstreamHost);
    ints[i + I.attempts] = info.attempts.length;
    ints[i + I.rowText] = Math.min(rowLength, length);
    ints[i + I.text] = length;
    ints[i + I.doubles] = doubles;
    ints[i + I.virtualHost] = strings.idAt(I.virtualHost, info.virtualHostName);
    ints[i + I.routeConfig] = strings.idAt(I.routeConfig, info.routeConfigName);
    ints[i + I.routeIndex] = info.routeIndex;
    ints[i + I.upstreamProtocol] =
      info.upstreamProtocol === null ? 0 : strings.idAt(I.upstreamProtocol, info.upstreamProtocol);
    ints[i + I.hostName] = strings.idAt(I.hostName, info.upstreamHostName);
    ints[i + I.filterChain] = strings.idAt(I.filterChain, info.connection.filterChainName);
    ints[i + I.connectionId] = info.connection.id;
    this.changed(seq);
  }

  /** Rows with seq ≥ `from`, oldest first. */
  rows(query: RowQuery): RowBatch {
    this.forgetOverwritten();
    const rows: RecordRow[] = [];
    let skipped = 0;
    let seq = Math.max(query.from, 1);
    if (seq < this.firstSeq) {
      skipped = this.firstSeq - seq;
      seq = this.firstSeq;
    }
    for (; seq <= this.lastSeq && rows.length < query.limit; seq++) {
      const row = this.row(seq);
      if (row === null) skipped++;
      else rows.push(row);
    }
    return { rows, skipped, state: this.state() };
  }

  /** The row of one record, null when it is gone. */
  row(seq: number): RecordRow | null {
    const slot = this.slotOf(seq);
    if (slot < 0) return null;
    const info = this.live[slot];
    if (info != null) {
      return toLiveRow(
        seq,
        info,
        this.routeIds.of(info),
        this.total(slot, F.requestBodyTotal),
        this.total(slot, F.responseBodyTotal),
      );
    }
    return finishedRow(
      this.columns,
      seq,
      slot,
      this.text(slot, this.ints[slot * I_STRIDE + I.rowText] as number),
    );
  }

  /** At most `limit` rows; when more changed, the oldest changes are passed over and counted. */
  changedSince(cursor: number, limit: number): ChangedRows {
    const head = this.changeHead;
    const oldest = Math.max(head - this.changes.length, 0);
    let skipped = 0;
    let from = cursor;
    if (from < oldest) {
      skipped += oldest - from;
      from = oldest;
    }
    const batch = ++this.batch;
    const rows: RecordRow[] = [];
    let at = head - 1;
    for (; at >= from && rows.length < limit; at--) {
      const seq = this.changes[at % this.changes.length] as number;
      const slot = this.slotOf(seq);
      if (slot < 0) {
        skipped++;
        continue;
      }
      if (this.ints[slot * I_STRIDE + I.batch] === batch) continue;
      this.ints[slot * I_STRIDE + I.batch] = batch;
      const row = this.row(seq);
      if (row !== null) rows.push(row);
    }
    if (at >= from) skipped += at - from + 1;
    rows.sort((a, b) => a.seq - b.seq);
    return { cursor: head, rows, skipped };
  }

  /** A cursor that sees only what happens from now on. */
  get cursor(): number {
    return this.changeHead;
  }

  detail(seq: number): RecordDetail | null {
    const row = this.row(seq);
    const info = this.streamInfo(seq);
    if (row === null || info === null) return null;
    const slot = this.slotOf(seq);
    return toDetail(row, info, this.bodyKept(slot, 'request'), this.bodyKept(slot, 'response'), {
      request: this.total(slot, F.requestBodyTotal),
      response: this.total(slot, F.responseBodyTotal),
      logLine: row.done ? this.logLine(info) : '',
    });
  }

  /**
   * The stream as it was: the live one while it runs, rebuilt from the ring afterwards (without PEM bodies and dynamic
   * metadata, which are not kept). What a decision needs to be made again is all there: received head, random
   * draws, snapshot version, host set ids, attempts. Null when the record is gone.
   */
  streamInfo(seq: number): StreamInfo | null {
    const slot = this.slotOf(seq);
    if (slot < 0) return null;
    return this.live[slot] ?? this.rebuild(seq, slot);
  }

  /** At most `length` bytes of a kept body prefix. */
  body(seq: number, side: BodySide, offset: number, length: number): BodySlice | null {
    const slot = this.slotOf(seq);
    if (slot < 0) return null;
    const whole = this.keptBody(slot, side);
    const from = Math.min(Math.max(offset, 0), whole.length);
    const total = this.total(slot, side === 'request' ? F.requestBodyTotal : F.responseBodyTotal);
    return {
      bytes: whole.subarray(from, from + Math.max(length, 0)),
      offset: from,
      kept: whole.length,
      total,
    };
  }

  /** Forgets all records and frees their memory. Streams in flight are not recorded any further. */
  clear(): { freedBytes: number } {
    this.firstSeq = this.lastSeq + 1;
    this.live.fill(null);
    return { freedBytes: this.ring.clear() };
  }

  setRecording(on: boolean): void {
    this.recording = on;
  }

  state(): RecorderState {
    this.forgetOverwritten();
    return {
      records: this.lastSeq - this.firstSeq + 1,
      maxRecords: this.maxRecords,
      bytes: this.ring.used,
      maxBytes: this.ring.maxBytes,
      firstSeq: this.firstSeq,
      lastSeq: this.lastSeq,
      total: this.lastSeq,
      recording: this.recording,
    };
  }

  private changed(seq: number): void {
    this.changes[this.changeHead % this.changes.length] = seq;
    this.changeHead++;
  }

  /** Slot of a record that is still there, else -1. */
  private slotOf(seq: number): number {
    if (seq < this.firstSeq || seq > this.lastSeq) return -1;
    const slot = seq % this.maxRecords;
    const f = slot * F_STRIDE;
    if (this.floats[f + F.seq] !== seq) return -1;
    const block = this.floats[f + F.block] as number;
    if (block >= 0 && !this.ring.holds(block)) return -1;
    return slot;
  }

  /** Forgets all records before `seq`. Records begin in order, so everything before its first byte is free. */
  private evictTo(seq: number): void {
    this.firstSeq = seq;
    this.ring.release(this.floats[(seq % this.maxRecords) * F_STRIDE + F.firstByte] as number);
  }

  private forgetOverwritten(): void {
    while (this.firstSeq <= this.lastSeq && this.slotOf(this.firstSeq) < 0) this.firstSeq++;
  }

  private rebuild(seq: number, slot: number): StreamInfo {
    const position = this.floats[slot * F_STRIDE + F.block] as number;
    const text = this.text(slot, this.ints[slot * I_STRIDE + I.text] as number);
    const { doubles } = this.ring.chunkAt(position);
    return rebuildStream(this.columns, seq, slot, doubles, this.ring.offsetOf(position) / 8, text);
  }

  private keepBody(
    info: StreamInfo,
    bytes: Uint8Array,
    start: number,
    end: number,
    lastColumn: number,
    totalColumn: number,
    keptColumn: number,
  ): void {
    const slot = this.slotOf(info.record);
    if (slot < 0 || end <= start) return;
    const f = slot * F_STRIDE;
    const floats = this.floats;
    floats[f + totalColumn] = (floats[f + totalColumn] as number) + (end - start);
    const kept = this.ints[slot * I_STRIDE + keptColumn] as number;
    const room = this.maxBodyPrefix - kept;
    if (room <= 0) return;
    const length = Math.min(end - start, room);
    const position = this.ring.allocate(SEGMENT_DOUBLES * 8 + length);
    const chunk = this.ring.chunkAt(position);
    const offset = this.ring.offsetOf(position);
    chunk.doubles[offset / 8] = floats[f + lastColumn] as number;
    chunk.doubles[offset / 8 + 1] = length;
    copyBytes(bytes, start, chunk.bytes, offset + SEGMENT_DOUBLES * 8, length);
    floats[f + lastColumn] = position;
    this.ints[slot * I_STRIDE + keptColumn] = kept + length;
  }

  /** The kept prefix in one piece; empty when its first segment has been overwritten. */
  private keptBody(slot: number, side: BodySide): Uint8Array {
    const request = side === 'request';
    const kept = this.ints[slot * I_STRIDE + (request ? I.requestBodyKept : I.responseBodyKept)] as number;
    let position = this.floats[slot * F_STRIDE + (request ? F.requestBody : F.responseBody)] as number;
    const result = new Uint8Array(kept);
    let end = kept;
    while (position >= 0) {
      if (!this.ring.holds(position)) return new Uint8Array(0);
      const chunk = this.ring.chunkAt(position);
      const offset = this.ring.offsetOf(position);
      const length = chunk.doubles[offset / 8 + 1] as number;
      const from = offset + SEGMENT_DOUBLES * 8;
      end -= length;
      result.set(chunk.bytes.subarray(from, from + length), end);
      position = chunk.doubles[offset / 8] as number;
    }
    return result;
  }

  private bodyKept(slot: number, side: BodySide): number {
    return this.keptBody(slot, side).length;
  }

  private total(slot: number, column: number): number {
    return this.floats[slot * F_STRIDE + column] as number;
  }

  private text(slot: number, length: number): string {
    const i = slot * I_STRIDE;
    const position = this.floats[slot * F_STRIDE + F.block] as number;
    const from = this.ring.offsetOf(position) + (this.ints[i + I.doubles] as number) * 8;
    return this.ring.chunkAt(position).bytes.toString('latin1', from, from + length);
  }
}

/** Short pieces byte by byte (cheaper than a native call), long ones by memcpy. */
function copyBytes(from: Uint8Array, start: number, to: Uint8Array, at: number, length: number): void {
  if (length <= 64) {
    for (let k = 0; k < length; k++) to[at + k] = from[start + k] as number;
  } else {
    to.set(from.subarray(start, start + length), at);
  }
}
