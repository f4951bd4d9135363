/** Frame types, flags, error codes and settings of HTTP/2 (RFC 9113, sections 6, 7 and 6.5.2). */
export const FrameType = {
  Data: 0,
  Headers: 1,
  Priority: 2,
  RstStream: 3,
  Settings: 4,
  PushPromise: 5,
  Ping: 6,
  GoAway: 7,
  WindowUpdate: 8,
  Continuation: 9,
} as const;

export const Flag = { EndStream: 1, Ack: 1, EndHeaders: 4, Padded: 8, Priority: 32 } as const;

export const ErrorCode = {
  NoError: 0,
  ProtocolError: 1,
  InternalError: 2,
  FlowControlError: 3,
  SettingsTimeout: 4,
  StreamClosed: 5,
  FrameSizeError: 6,
  RefusedStream: 7,
  Cancel: 8,
  CompressionError: 9,
  ConnectError: 10,
  EnhanceYourCalm: 11,
} as const;

export const Setting = {
  HeaderTableSize: 1,
  EnablePush: 2,
  MaxConcurrentStreams: 3,
  InitialWindowSize: 4,
  MaxFrameSize: 5,
  MaxHeaderListSize: 6,
  EnableConnectProtocol: 8,
} as const;

export const FRAME_HEADER = 9;
export const DEFAULT_WINDOW = 65535;
export const MAX_WINDOW = 0x7fffffff;
/** What we accept and send: the protocol's smallest maximum, as Envoy. */
export const MAX_FRAME = 16384;
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** The peer broke a rule that ends the connection (section 5.4.1). */
export class Http2ConnectionError {
  constructor(
    readonly code: number,
    /** Short, for GOAWAY's debug data and the log. */
    readonly text: string,
    /** Response code details of the streams that it takes along. */
    readonly details = 'codec_error',
    /** Without GOAWAY, as Envoy ends a connection after a malformed message. */
    readonly silent = false,
  ) {}
}

/** Writes a frame header at `at`; returns the index after it. */
export function writeFrameHeader(
  target: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  stream: number,
): number {
  target[at] = length >>> 16;
  target[at + 1] = length >>> 8;
  target[at + 2] = length;
  target[at + 3] = type;
  target[at + 4] = flags;
  target[at + 5] = stream >>> 24;
  target[at + 6] = stream >>> 16;
  target[at + 7] = stream >>> 8;
  target[at + 8] = stream;
  return at + FRAME_HEADER;
}

export function read32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

export function write32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}
