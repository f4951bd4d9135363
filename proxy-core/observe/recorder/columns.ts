/** Positions in the recorder's two column arrays; one stride per record. */

/** Float64 columns. */
export const F = {
  seq: 0,
  startWall: 1,
  start: 2,
  requestComplete: 3,
  responseFirst: 4,
  end: 5,
  /** Position of the record's block in the byte ring, -1 until it ended. */
  block: 6,
  /** Position of the last body segment, -1 for none. */
  requestBody: 7,
  responseBody: 8,
  requestBodyTotal: 9,
  responseBodyTotal: 10,
  bytesReceived: 11,
  bytesSent: 12,
  random: 13,
  snapshotVersion: 14,
  streamId: 15,
  /** The byte ring's position when the record began: all its bytes lie behind it. */
  firstByte: 16,
} as const;
export const F_STRIDE = 17;

/** Int32 columns; `…Name` are ids of the string table. */
export const I = {
  status: 0,
  /** Bit 0 done, bit 1 local reply. */
  bits: 1,
  flags: 2,
  details: 3,
  protocol: 4,
  listener: 5,
  route: 6,
  routeName: 7,
  cluster: 8,
  host: 9,
  attempts: 10,
  requestBodyKept: 11,
  responseBodyKept: 12,
  /** Characters of method, authority and path at the start of the block's text. */
  rowText: 13,
  /** Bytes of text in the block. */
  text: 14,
  /** Doubles before the text in the block. */
  doubles: 15,
  virtualHost: 16,
  routeConfig: 17,
  routeIndex: 18,
  upstreamProtocol: 19,
  hostName: 20,
  filterChain: 21,
  connectionId: 22,
  /** Batch in which `changedSince` last gave out this record. */
  batch: 23,
} as const;
export const I_STRIDE = 24;

export const DONE = 1;
export const LOCAL = 2;
