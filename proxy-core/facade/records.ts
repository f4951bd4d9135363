import type { SourceRange } from '../config/diagnostic.ts';

/** One row of the request list. Sizes in bytes, times in milliseconds. */
export interface RecordRow {
  readonly seq: number;
  /** Wall time of the start. */
  readonly at: number;
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  /** 0 while it runs or when no answer was sent. */
  readonly status: number;
  readonly flags: string;
  readonly details: string;
  /** True when the proxy wrote the answer itself. */
  readonly local: boolean;
  readonly done: boolean;
  readonly protocol: string;
  readonly listener: string;
  readonly route: string;
  readonly cluster: string;
  readonly host: string;
  readonly attempts: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** -1 while it runs. */
  readonly duration: number;
}

export interface RecordedMessage {
  /** `GET /x HTTP/1.1` or `HTTP/1.1 200 OK`, as on the wire of that side. */
  readonly startLine: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly trailers: readonly (readonly [string, string])[];
  /** Bytes kept of the body and its whole length. */
  readonly bodyKept: number;
  readonly bodyLength: number;
}

/** Points in microseconds since the request began; null when not reached. */
export interface RecordTiming {
  readonly requestComplete: number | null;
  readonly attempts: readonly AttemptTiming[];
  readonly responseFirst: number | null;
  readonly end: number | null;
}

export interface AttemptTiming {
  readonly host: string;
  /** Why there was a try after the first: a word of `retry_on`, or `hedge`. Empty for the first. */
  readonly reason: string;
  readonly status: number;
  /** Number of the connection (`%UPSTREAM_CONNECTION_ID%`), 0 for none. */
  readonly connection: number;
  readonly failure: string;
  readonly started: number;
  readonly connectStarted: number | null;
  readonly connected: number | null;
  /** TLS with the host stood; null also where none is spoken. */
  readonly secured: number | null;
  readonly poolReady: number | null;
  readonly sentFirst: number | null;
  readonly sentLast: number | null;
  readonly firstByte: number | null;
  readonly lastByte: number | null;
}

export interface CertificateDetail {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
  /** `DNS:shop.local`, `URI:spiffe://…`, `IP:127.0.0.1`. */
  readonly names: readonly string[];
  /** SHA-256, lower case hex. */
  readonly fingerprint: string;
  /** Wall milliseconds. */
  readonly validFrom: number;
  readonly validTo: number;
}

export interface TlsDetail {
  readonly version: string;
  readonly cipher: string;
  readonly alpn: string;
  readonly peer: CertificateDetail | null;
  readonly local: CertificateDetail | null;
}

/** The two connections that a request (or the bytes of a TCP connection) went through. Empty = not known. */
export interface ConnectionDetail {
  readonly id: number;
  /** `ip:port` or the path of a Unix socket. */
  readonly local: string;
  /** The socket's peer, which is not `remote` behind a PROXY header or X-Forwarded-For. */
  readonly directRemote: string;
  readonly filterChain: string;
  readonly serverName: string;
  readonly ja3: string;
  readonly ja4: string;
  readonly tls: TlsDetail | null;
  /** Why the proxy ended it (`%CONNECTION_TERMINATION_DETAILS%`). */
  readonly terminationDetails: string;
  readonly upstream: {
    /** -1 when there was none. */
    readonly id: number;
    readonly local: string;
    readonly protocol: string;
    readonly tls: TlsDetail | null;
    readonly failure: string;
  };
}

/** What was kept of one request, in full; bodies come in slices by `readBody`. */
export interface RecordDetail {
  readonly row: RecordRow;
  readonly snapshotVersion: number;
  readonly remote: string;
  readonly virtualHost: string;
  readonly routeSource: SourceRange | null;
  /** As the client sent it, and as it went upstream (null when nothing did). */
  readonly request: RecordedMessage;
  readonly upstreamRequest: RecordedMessage | null;
  /** As it came from upstream (null for a local reply), and as the client got it. */
  readonly upstreamResponse: RecordedMessage | null;
  readonly response: RecordedMessage | null;
  readonly timing: RecordTiming;
  readonly connection: ConnectionDetail;
  /** How many internal redirects led to this request. */
  readonly redirectHops: number;
  /** What else was sent for the request, one sentence each: calls of filters, mirrored copies. */
  readonly notes: readonly string[];
  readonly logLine: string;
}

export interface RecorderState {
  readonly records: number;
  readonly maxRecords: number;
  readonly bytes: number;
  readonly maxBytes: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly total: number;
  readonly recording: boolean;
}

/** One second of traffic. Rates per second; latencies in milliseconds, null without traffic. */
export interface MetricsTick {
  readonly at: number;
  readonly requests: number;
  /** By class: 1xx+2xx, 3xx, 4xx, 5xx, no answer. */
  readonly byClass: readonly [number, number, number, number, number];
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly downstreamConnections: number;
  readonly upstreamConnections: number;
  readonly ejected: number;
  readonly retries: number;
  readonly overflows: number;
  readonly clusters: Readonly<Record<string, ClusterTick>>;
  /** Requests of this second by listener name and by route id. */
  readonly listeners: Readonly<Record<string, number>>;
  readonly routes: Readonly<Record<string, number>>;
}

export interface ClusterTick {
  readonly requests: number;
  readonly errors: number;
  readonly p50: number | null;
  readonly p99: number | null;
  /** Requests of this second by host address. */
  readonly hosts: Readonly<Record<string, number>>;
}
