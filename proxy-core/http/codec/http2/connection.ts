import type { HeaderList } from '../../../base/headers.ts';
import type { ByteSink, ResetReason } from '../codec.ts';
import { FloodGuard } from './flood-guard.ts';
import { FrameReader } from './frame-reader.ts';
import { FrameWriter } from './frame-writer.ts';
import {
  DEFAULT_WINDOW,
  ErrorCode,
  Flag,
  FRAME_HEADER,
  FrameType,
  Http2ConnectionError,
  MAX_FRAME,
  MAX_WINDOW,
  read32,
  Setting,
} from './frames.ts';
import { type FieldBlock, HeaderBlockReader } from './header-block.ts';
import type { Http2Options } from './options.ts';
import type { Http2Stats } from './stats.ts';
import type { Http2Stream } from './stream.ts';

/** Streams that ended lately by our RST_STREAM: frames that crossed it on the way are ignored. */
const REMEMBERED_RESETS = 256;
/**
 * One HTTP/2 connection, sans IO, both directions (RFC 9113): frames in and out, settings, HPACK state, flow control,
 * the life of streams. What a message is, the server's and the client's codec know.
 */
export abstract class Http2Connection {
  protected readonly streams = new Map<number, Http2Stream>();
  protected highestPeerStream = 0;
  protected peerInitialWindow = DEFAULT_WINDOW;
  protected peerMaxStreams = Number.POSITIVE_INFINITY;
  protected peerGoAway = false;
  protected dead = false;
  private readonly reader = new FrameReader();
  protected readonly writer: FrameWriter;
  private readonly guard: FloodGuard;
  private readonly blocks: HeaderBlockReader;
  private sendWindow = DEFAULT_WINDOW;
  private receiveWindow: number;
  private unacknowledged = 0;
  private settingsSeen = false;
  private waiting: Http2Stream[] = [];
  private readonly resets = new Set<number>();
  protected streamsOpened = 0;
  private turns = 0;

  constructor(
    readonly options: Http2Options,
    protected readonly sink: ByteSink & { readonly buffered: number },
    /** Congested above this many unsent bytes. */
    readonly bufferLimit: number,
    readonly stats: Http2Stats,
  ) {
    this.guard = new FloodGuard(options);
    this.blocks = new HeaderBlockReader(options, this.guard);
    this.writer = new FrameWriter(sink);
    this.receiveWindow = options.initialConnectionWindow;
  }

  get activeStreams(): number {
    return this.streams.size;
  }

  get buffered(): number {
    return this.sink.buffered;
  }

  // ---- What a direction adds.

  /** A header block for a stream that is not open. Creates it, or throws Http2ConnectionError. */
  protected abstract onNewStream(id: number, block: FieldBlock, endStream: boolean): void;
  /** A further block on an open stream: trailers, or a response head. */
  protected abstract onStreamBlock(stream: Http2Stream, block: FieldBlock, endStream: boolean): void;
  protected abstract onStreamReset(stream: Http2Stream, reason: ResetReason): void;
  /** The connection cannot go on. GOAWAY was sent; streams must be told. */
  protected abstract onConnectionError(error: Http2ConnectionError): void;
  protected abstract onGoAway(lastStream: number, code: number): void;
  protected abstract onSettings(): void;
  /** Whether the peer may open a stream with this id. */
  protected abstract peerMayOpen(id: number): boolean;

  // ---- Frames in.

  /** Feeds bytes after the preface. Never throws. */
  protected receiveFrames(bytes: Uint8Array, start: number, end: number): void {
    if (this.dead) return;
    try {
      this.reader.receive(bytes, start, end, this);
    } catch (thrown) {
      if (!(thrown instanceof Http2ConnectionError)) throw thrown;
      this.fail(thrown);
    }
  }

  onFrame(type: number, flags: number, id: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.dead) return;
    if (this.blocks.stream !== 0 && (type !== FrameType.Continuation || id !== this.blocks.stream)) {
      throw new Http2ConnectionError(ErrorCode.ProtocolError, 'CONTINUATION expected');
    }
    if (!this.settingsSeen && (type !== FrameType.Settings || (flags & Flag.Ack) !== 0)) {
      throw new Http2ConnectionError(ErrorCode.ProtocolError, 'SETTINGS expected');
    }
    switch (type) {
      case FrameType.Data:
        this.onData(flags, id, bytes, start, end);
        return;
      case FrameType.Headers:
        this.onHeaders(flags, id, bytes, start, end);
        return;
      case FrameType.Priority:
        this.onPriority(id, bytes, start, end);
        return;
      case FrameType.RstStream:
        this.onRstStream(id, bytes, start, end);
        return;
      case FrameType.Settings:
        this.onSettingsFrame(flags, id, bytes, start, end);
        return;
      case FrameType.PushPromise:
        throw new Http2ConnectionError(ErrorCode.ProtocolError, 'PUSH_PROMISE is not accepted');
      case FrameType.Ping:
        this.onPing(flags, id, bytes, start, end);
        return;
      case FrameType.GoAway:
        if (id !== 0) throw new Http2ConnectionError(ErrorCode.ProtocolError, 'GOAWAY: stream_id != 0');
        if (end - start < 8) throw new Http2ConnectionError(ErrorCode.FrameSizeError, 'GOAWAY: too short');
        this.peerGoAway = true;
        this.onGoAway(read32(bytes, start) & MAX_WINDOW, read32(bytes, start + 4));
        return;
      case FrameType.WindowUpdate:
        this.onWindowUpdate(id, bytes, start, end);
        return;
      case FrameType.Continuation:
        this.onBlock(id, this.blocks.continue(flags, bytes, start, end));
        return;
      default:
        // Extension frames are ignored (section 5.5).
        return;
    }
  }

  private isIdle(id: number): boolean {
    return this.peerMayOpen(id) ? id > this.highestPeerStream : !this.wasOpened(id);
  }

  /** Whether we opened that stream ourselves at some time. */
  protected abstract wasOpened(id: number): boolean;

  private onData(flags: number, id: number, bytes: Uint8Array, start: number, end: number): void {
    if (id === 0) throw new Http2ConnectionError(ErrorCode.ProtocolError, 'DATA: stream_id == 0');
    const length = end - start;
    this.receiveWindow -= length;
    if (this.receiveWindow < 0)
      throw new Http2ConnectionError(ErrorCode.FlowControlError, 'connection window exceeded');
    if (this.isIdle(id)) throw new Http2ConnectionError(ErrorCode.ProtocolError, 'DATA: stream in idle');
    let from = start;
    let to = end;
    if ((flags & Flag.Padded) !== 0) {
      const padding = length === 0 ? 0 : (bytes[start] as number);
      if (length === 0 || padding >= length)
        throw new Http2ConnectionError(ErrorCode.ProtocolError, 'DATA: bad padding');
      from = start + 1;
      to = end - padding;
    }
    const endStream = (flags & Flag.EndStream) !== 0;
    if (to === from && !endStream) this.guard.onEmptyFrame();
    else this.guard.onPayload();
    const stream = this.streams.get(id);
    // Bytes that no reader gets are given back at once, padding too.
    this.consumed(stream === undefined || stream.remoteClosed ? length : length - (to - from));
    if (stream === undefined) {
      if (!this.resets.has(id)) this.sendReset(id, ErrorCode.StreamClosed);
      return;
    }
    if (stream.remoteClosed) {
      this.resetStream(stream, ErrorCode.StreamClosed, 'protocol-error');
      return;
    }
    stream.receiveWindow -= length;
    if (stream.receiveWindow < 0) {
      this.consumed(to - from);
      this.resetStream(stream, ErrorCode.FlowControlError, 'protocol-error');
      return;
    }
    stream.wire.bytesReceived += length + FRAME_HEADER;
    if (stream.expectedBody >= 0) {
      stream.expectedBody -= to - from;
      if (stream.expectedBody < 0 || (endStream && stream.expectedBody !== 0)) {
        this.consumed(to - from);
        this.resetStream(stream, ErrorCode.ProtocolError, 'remote-reset');
        return;
      }
    }
    if (endStream) stream.remoteClosed = true;
    stream.giveBack(length - (to - from));
    stream.receiveBody(bytes, from, to, endStream);
    this.closeIfDone(stream);
  }

  private onHeaders(flags: number, id: number, bytes: Uint8Array, start: number, end: number): void {
    if (id === 0) throw new Http2ConnectionError(ErrorCode.ProtocolError, 'HEADERS: stream_id == 0');
    let from = start;
    let to = end;
    if ((flags & Flag.Padded) !== 0) {
      if (end - start < 1) throw new Http2ConnectionError(ErrorCode.FrameSizeError, 'HEADERS: too short');
      to = end - (bytes[start] as number);
      from = start + 1;
    }
    let selfDependent = false;
    if ((flags & Flag.Priority) !== 0) {
      if (to - from < 5) throw new Http2ConnectionError(ErrorCode.FrameSizeError, 'HEADERS: too short');
      selfDependent = (read32(bytes, from) & MAX_WINDOW) === id;
      from += 5;
    }
    if (to < from) throw new Http2ConnectionError(ErrorCode.ProtocolError, 'HEADERS: bad padding');
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.peerMayOpen(id) && id <= this.highestPeerStream && !this.resets.has(id)) {
        throw new Http2ConnectionError(ErrorCode.StreamClosed, 'HEADERS: stream closed');
      }
      if (!this.peerMayOpen(id) && !this.wasOpened(id)) {
        throw new Http2ConnectionError(ErrorCode.ProtocolError, 'HEADERS: invalid stream_id');
      }
    } else if (stream.remoteClosed) {
      throw new Http2ConnectionError(ErrorCode.StreamClosed, 'HEADERS: stream half closed');
    }
    this.onBlock(id, this.blocks.begin(id, flags, selfDependent, bytes, from, to));
  }

  /** A header block is whole, or null while it is not. */
  private onBlock(id: number, block: FieldBlock | null): void {
    if (block === null) return;
    const { endStream, selfDependent } = this.blocks;
    const stream = this.streams.get(id);
    if (stream !== undefined) {
      if (selfDependent) {
        this.resetStream(stream, ErrorCode.ProtocolError, 'protocol-error');
        return;
      }
      stream.wire.headerBytesReceived += block.wireBytes;
      stream.wire.bytesReceived += block.wireBytes;
      this.onStreamBlock(stream, block, endStream);
      return;
    }
    if (!this.peerMayOpen(id) || id <= this.highestPeerStream) {
      this.stats.headersForNoStream.inc();
      return;
    }
    this.highestPeerStream = id;
    this.streamsOpened++;
    if (selfDependent) this.sendReset(id, ErrorCode.ProtocolError);
    else if (this.streams.size >= this.options.maxConcurrentStreams)
      this.sendReset(id, ErrorCode.RefusedStream);
    else this.onNewStream(id, block, endStream);
  }

  private onPriority(id: number, bytes: Uint8Array, start: number, end: number): void {
    if (id === 0) throw new Http2ConnectionError(ErrorCode.ProtocolError, 'PRIORITY: stream_id == 0');
    this.guard.onPriority(this.streamsOpened);
    const bad =
      end - start !== 5
        ? ErrorCode.FrameSizeError
        : (read32(bytes, start) & MAX_WINDOW) === id
          ? ErrorCode.ProtocolError
          : -1;
    if (bad < 0) return;
    const stream = this.streams.get(id);
    if (stream !== undefined) this.resetStream(stream, bad, 'protocol-error');
    else this.sendReset(id, bad);
  }

  private onRstStream(id: number, bytes: Uint8Array, start: number, end: number): void {
    if (id === 0) throw new Http2ConnectionError(ErrorCode.ProtocolError, 'RST_STREAM: stream_id == 0');
    if (end - start !== 4) throw new Http2ConnectionError(ErrorCode.FrameSizeError, 'RST_STREAM: wrong size');
    if (this.isIdle(id))
      throw new Http2ConnectionError(ErrorCode.ProtocolError, 'RST_STREAM: stream in idle');
    const stream = this.streams.get(id);
    if (stream === undefined) return;
    const code = read32(bytes, start);
    if (!stream.localClosed && this.isPremature(stream)) this.guard.onPrematureReset();
    this.stats.rxReset.inc();
    this.streams.delete(id);
    stream.drop();
    this.onStreamReset(stream, code === ErrorCode.RefusedStream ? 'remote-refused-stream' : 'remote-reset');
    stream.onClosed();
    this.guard.judgeResets(this.streamsOpened);
  }

  private onSettingsFrame(flags: number, id: number, bytes: Uint8Array, start: number, end: number): void {
    if (id !== 0) throw new Http2ConnectionError(ErrorCode.ProtocolError, 'SETTINGS: stream_id != 0');
    const length = end - start;
    if ((flags & Flag.Ack) !== 0) {
      if (length !== 0)
        throw new Http2ConnectionError(ErrorCode.FrameSizeError, 'SETTINGS: ack with payload');
      return;
    }
    if (length % 6 !== 0) throw new Http2ConnectionError(ErrorCode.FrameSizeError, 'SETTINGS: wrong size');
    this.settingsSeen = true;
    for (let at = start; at < end; at += 6) {
      this.applySetting(((bytes[at] as number) << 8) | (bytes[at + 1] as number), read32(bytes, at + 2));
    }
    if (this.mayWriteControl()) this.writer.settingsAck();
    this.onSettings();
    this.sendWaiting();
  }

  private applySetting(id: number, value: number): void {
    switch (id) {
      case Setting.HeaderTableSize:
        this.writer.setHeaderTableSize(value);
        return;
      case Setting.EnablePush:
        if (value > 1) throw new Http2ConnectionError(ErrorCode.ProtocolError, 'SETTINGS: ENABLE_PUSH');
        return;
      case Setting.MaxConcurrentStreams:
        this.peerMaxStreams = value;
        return;
      case Setting.InitialWindowSize: {
        if (value > MAX_WINDOW)
          throw new Http2ConnectionError(ErrorCode.FlowControlError, 'SETTINGS: INITIAL_WINDOW_SIZE');
        const difference = value - this.peerInitialWindow;
        this.peerInitialWindow = value;
        for (const stream of this.streams.values()) {
          stream.sendWindow += difference;
          if (stream.sendWindow > MAX_WINDOW) {
            throw new Http2ConnectionError(ErrorCode.FlowControlError, 'SETTINGS: window overflow');
          }
        }
        return;
      }
      case Setting.MaxFrameSize:
        if (value < MAX_FRAME || value > 16777215)
          throw new Http2ConnectionError(ErrorCode.ProtocolError, 'SETTINGS: MAX_FRAME_SIZE');
        this.writer.maxFrame = Math.min(value, 65536);
        return;
      case Setting.EnableConnectProtocol:
        if (value > 1)
          throw new Http2ConnectionError(ErrorCode.ProtocolError, 'SETTINGS: ENABLE_CONNECT_PROTOCOL');
        return;
      default:
        return;
    }
  }

  private onPing(flags: number, id: number, bytes: Uint8Array, start: number, end: number): void {
    if (id !== 0) throw new Http2ConnectionError(ErrorCode.ProtocolError, 'PING: stream_id != 0');
    if (end - start !== 8) throw new Http2ConnectionError(ErrorCode.FrameSizeError, 'PING: wrong size');
    if ((flags & Flag.Ack) !== 0) {
      this.onPingAck();
      return;
    }
    if (this.mayWriteControl()) this.writer.pingAck(bytes, start);
  }

  /** Whether a stream that the peer resets now lived too short to have been of use. */
  protected isPremature(_stream: Http2Stream): boolean {
    return false;
  }

  /** The peer answered our PING. */
  protected onPingAck(): void {}

  private onWindowUpdate(id: number, bytes: Uint8Array, start: number, end: number): void {
    if (end - start !== 4)
      throw new Http2ConnectionError(ErrorCode.FrameSizeError, 'WINDOW_UPDATE: wrong size');
    const increment = read32(bytes, start) & MAX_WINDOW;
    this.guard.onWindowUpdate(this.streamsOpened);
    if (id === 0) {
      if (increment === 0)
        throw new Http2ConnectionError(ErrorCode.ProtocolError, 'WINDOW_UPDATE: zero increment');
      this.sendWindow += increment;
      if (this.sendWindow > MAX_WINDOW)
        throw new Http2ConnectionError(ErrorCode.FlowControlError, 'WINDOW_UPDATE: overflow');
      this.sendWaiting();
      return;
    }
    if (this.isIdle(id))
      throw new Http2ConnectionError(ErrorCode.ProtocolError, 'WINDOW_UPDATE: stream in idle');
    const stream = this.streams.get(id);
    if (stream === undefined) return;
    if (increment === 0) {
      this.resetStream(stream, ErrorCode.ProtocolError, 'protocol-error');
      return;
    }
    stream.sendWindow += increment;
    if (stream.sendWindow > MAX_WINDOW) {
      this.resetStream(stream, ErrorCode.FlowControlError, 'protocol-error');
      return;
    }
    if (stream.listed && stream.sendQueued()) this.closeIfDone(stream);
  }

  // ---- Frames out.

  /** Raises the connection's window to ours; SETTINGS cannot. */
  protected openWindow(): void {
    const more = this.options.initialConnectionWindow - DEFAULT_WINDOW;
    if (more > 0) this.sendWindowUpdate(0, more);
  }

  sendWindowUpdate(id: number, increment: number): void {
    if (!this.dead && this.mayWriteControl()) this.writer.windowUpdate(id, increment);
  }

  protected sendPing(): void {
    if (this.mayWriteControl()) this.writer.ping();
  }

  protected sendGoAway(lastStream: number, code: number, text: string): void {
    if (this.dead) return;
    this.stats.goawaySent.inc();
    this.writer.goAway(lastStream, code, text);
  }

  protected sendReset(id: number, code: number): void {
    if (this.dead) return;
    this.stats.txReset.inc();
    this.resets.add(id);
    if (this.resets.size > REMEMBERED_RESETS) {
      for (const oldest of this.resets) {
        this.resets.delete(oldest);
        break;
      }
    }
    if (this.mayWriteControl()) this.writer.reset(id, code);
  }

  /** Counts a control frame; false when it was one too many and the connection ended. */
  private mayWriteControl(): boolean {
    return this.passes(this.guard.onControlFrame(this.sink.buffered));
  }

  private passes(error: Http2ConnectionError | null): boolean {
    if (error === null) return true;
    this.fail(error);
    return false;
  }

  /** Sends a header block: `fields` is flat, pseudo-headers first. */
  sendFields(stream: Http2Stream, fields: HeaderList, endStream: boolean): void {
    if (this.dead || stream.localClosed) return;
    if (!this.passes(this.guard.onOutboundFrame(this.sink.buffered))) return;
    this.writer.headers(stream.id, fields, endStream, stream.wire);
    if (endStream) this.localEnd(stream);
  }

  /** Sends as much of a body as both windows and the socket take; returns where it stopped. */
  sendData(stream: Http2Stream, bytes: Uint8Array, start: number, end: number, endStream: boolean): number {
    if (this.dead || stream.localClosed) return end;
    let at = start;
    while (at < end || endStream) {
      const room = Math.min(end - at, this.sendWindow, stream.sendWindow, this.writer.maxFrame);
      const waiting = this.sink.buffered;
      if (at < end && (room <= 0 || waiting > this.bufferLimit)) return at;
      if (!this.passes(this.guard.onOutboundFrame(waiting))) return end;
      const length = Math.max(0, room);
      const last = at + length === end && endStream;
      this.writer.data(stream.id, bytes, at, at + length, last);
      this.guard.onDataSent();
      this.sendWindow -= length;
      stream.sendWindow -= length;
      stream.wire.bytesSent += length + FRAME_HEADER;
      at += length;
      if (last) {
        this.localEnd(stream);
        break;
      }
    }
    return at;
  }

  private localEnd(stream: Http2Stream): void {
    stream.localClosed = true;
    this.onLocalEnd(stream);
    this.closeIfDone(stream);
  }

  /** Our side of a stream is complete and on its way. */
  protected onLocalEnd(_stream: Http2Stream): void {}

  list(stream: Http2Stream): void {
    if (stream.listed) return;
    stream.listed = true;
    // Streams that were reset meanwhile must not gather here.
    if (this.waiting.length > 64 + this.streams.size * 2)
      this.waiting = this.waiting.filter((waiting) => !waiting.localClosed);
    this.waiting.push(stream);
  }

  /** Gives every waiting stream a turn: the connection's window or the socket opened. */
  protected sendWaiting(): void {
    if (this.waiting.length === 0) return;
    const turn = this.waiting;
    this.waiting = [];
    // Whoever went first goes last next time, so that one long body does not take every window.
    const start = this.turns++ % turn.length;
    for (let i = 0; i < turn.length; i++) {
      const stream = turn[(start + i) % turn.length] as Http2Stream;
      stream.listed = false;
      if (stream.localClosed) continue;
      if (!stream.sendQueued()) this.list(stream);
    }
  }

  /** Body bytes left our hands: the peer's connection window is given back once half of it is used. */
  consumed(bytes: number): void {
    if (bytes === 0 || this.dead) return;
    this.unacknowledged += bytes;
    if (this.unacknowledged * 2 < this.options.initialConnectionWindow) return;
    this.receiveWindow += this.unacknowledged;
    const increment = this.unacknowledged;
    this.unacknowledged = 0;
    this.sendWindowUpdate(0, increment);
  }

  /** Ends a stream from our side: RST_STREAM, its reader is told unless it asked for it itself (`reason` null). */
  resetStream(stream: Http2Stream, code: number, reason: ResetReason | null): void {
    if (!this.streams.delete(stream.id)) return;
    this.sendReset(stream.id, code);
    stream.drop();
    if (reason !== null) this.onStreamReset(stream, reason);
    stream.onClosed();
  }

  protected closeIfDone(stream: Http2Stream): void {
    if (!stream.localClosed || !stream.remoteClosed) return;
    if (this.streams.delete(stream.id)) stream.onClosed();
  }

  protected fail(error: Http2ConnectionError): void {
    if (this.dead) return;
    if (!error.silent) this.sendGoAway(this.highestPeerStream, error.code, error.text);
    this.dead = true;
    switch (error.details) {
      case 'http2.inbound_empty_frames_flood':
        this.stats.inboundEmptyFramesFlood.inc();
        break;
      case 'http2.inbound_priority_frames_flood':
        this.stats.inboundPriorityFramesFlood.inc();
        break;
      case 'http2.inbound_window_update_frames_flood':
        this.stats.inboundWindowUpdateFramesFlood.inc();
        break;
      case 'http2.outbound_control_flood':
        this.stats.outboundControlFlood.inc();
        break;
      case 'http2.outbound_flood':
        this.stats.outboundFlood.inc();
        break;
      default:
        break;
    }
    this.onConnectionError(error);
  }

  /** The socket took everything. */
  onDrain(): void {
    if (this.dead) return;
    this.sendWaiting();
    for (const stream of this.streams.values()) stream.socketDrained();
  }
}
