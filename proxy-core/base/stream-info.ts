import type { HeaderKeys, HeaderList } from './headers.ts';

/** Envoy's response flags (source/common/stream_info/utility.h), short form as the log prints it. */
export type ResponseFlag =
  | 'LH'
  | 'UH'
  | 'UT'
  | 'LR'
  | 'UR'
  | 'UF'
  | 'UC'
  | 'UO'
  | 'NR'
  | 'DI'
  | 'FI'
  | 'RL'
  | 'UAEX'
  | 'RLSE'
  | 'DC'
  | 'URX'
  | 'SI'
  | 'IH'
  | 'DPE'
  | 'UMSDR'
  | 'RFCF'
  | 'NFCF'
  | 'DT'
  | 'UPE'
  | 'NC'
  | 'OM'
  | 'DF'
  | 'DO'
  | 'UDO'
  | 'DR';

/** `TCP` stands in the account of a whole connection, which network filters alone have seen. */
export type HttpProtocol = 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2' | 'TCP';

/** A request head. `headers` holds no pseudo-headers and no Host: those are the fields. Mutable on its way through. */
export interface RequestHead {
  method: string;
  /** `:authority`, the Host value as forwarded. */
  authority: string;
  /** `:path` with query. Empty for CONNECT in authority form. */
  path: string;
  /** `:scheme`: http or https. */
  scheme: string;
  /** `:protocol` of extended CONNECT, else empty. */
  protocol: string;
  headers: HeaderList;
  /** Set when the request was refused for having no authority at all; otherwise an empty one is there and empty. */
  withoutAuthority?: true;
  /** Set when the names keep the case in which they were received. */
  keys?: HeaderKeys;
}

/** The host that a filter wants a request to go to, before load balancing. */
export interface OverrideHost {
  /** `ip:port`. */
  readonly address: string;
  /** No other host will do: without it the request fails. */
  readonly strict: boolean;
}

export interface ResponseHead {
  status: number;
  headers: HeaderList;
  /** Set when the names keep the case in which they were received. */
  keys?: HeaderKeys;
}

export interface SocketAddress {
  /** Textual IP without brackets, or the path of a Unix socket. */
  readonly ip: string;
  /** -1 for a Unix socket. */
  readonly port: number;
}

/** What is known of a downstream connection; one object per connection, shared by its streams. */
export interface ConnectionInfo {
  readonly id: number;
  readonly listenerName: string;
  readonly local: SocketAddress;
  /** The socket's peer (`%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%`). */
  readonly directRemote: SocketAddress;
  /** The client, where a PROXY header tells another one than the socket's peer. */
  readonly remote?: SocketAddress | null;
  /** Of the socket, where a PROXY header tells another address that the client wanted. */
  readonly directLocal?: SocketAddress | null;
  /** TLVs of its PROXY header that go on to upstream hosts. */
  readonly proxyTlvs?: readonly { readonly type: number; readonly value: Uint8Array }[];
  /** Why TLS with the client failed (`%DOWNSTREAM_TRANSPORT_FAILURE_REASON%`). */
  transportFailureReason?: string;
  filterChainName: string;
  /** Where the connection went before it was redirected to the listener; left out when it was not. */
  originalDestination?: SocketAddress | null;
  /** SNI read by the TLS inspector or the handshake, else empty. */
  requestedServerName: string;
  /** Fingerprints of the ClientHello, when the TLS inspector was asked for them. */
  ja3?: string;
  ja4?: string;
  tls: TlsInfo | null;
  terminationDetails: string;
}

export interface TlsInfo {
  readonly version: string;
  readonly cipher: string;
  readonly sessionId: string;
  readonly alpn: string;
  readonly peer: PeerCertificate | null;
  readonly local: PeerCertificate | null;
}

/** Values as the `%DOWNSTREAM_PEER_*%` operators print them. */
export interface PeerCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
  readonly uriSans: readonly string[];
  readonly dnsSans: readonly string[];
  readonly ipSans: readonly string[];
  readonly emailSans?: readonly string[];
  readonly otherNameSans?: readonly string[];
  /** Of the whole chain, the peer's own certificate first. */
  readonly chainFingerprints256?: readonly string[];
  readonly chainFingerprints1?: readonly string[];
  readonly chainSerials?: readonly string[];
  /** PEM of the whole chain. */
  readonly chainPem?: string;
  readonly fingerprint256: string;
  readonly fingerprint1: string;
  readonly validFrom: number;
  readonly validTo: number;
  readonly pem: string;
}

/** An object of the filter state, which a filter made of a text. */
export interface FilterStateObject {
  /** Name of the factory that made it: `envoy.string`. */
  readonly factory: string;
  /** It can be neither replaced nor made writable. */
  readonly readOnly: boolean;
  /** As a text (`PLAIN`); null for a kind that has none. */
  readonly text: string | null;
  /** As the protobuf message that it is (`TYPED`), in JSON; null for a kind that is none. */
  readonly typed: string | number | boolean | null;
  /** Its parts (`FIELD`); null for a kind that has none. */
  readonly fields: ReadonlyMap<string, string> | null;
  /** A hash policy may go by it. */
  readonly hashable: boolean;
}

/** What keeps a pick from being free. */
export interface PickCircumstances {
  readonly override: OverrideHost | null;
  /** Hosts that were drawn first, and that a retry does not want (`retry_host_predicate`). */
  readonly refused: readonly string[];
  /** Priorities that a retry keeps away from (`retry_priority`). */
  readonly priorities: readonly number[];
}

/** One try at an upstream host. Times are monotonic milliseconds; -1 when the point was not reached. */
export interface Attempt {
  /** `ip:port` of the host, empty when no host was chosen. */
  hostAddress: string;
  hostName: string;
  /** Why there was a try after the first: the word of `retry_on`, or `hedge`. Empty for the first. */
  reason: string;
  /** Status from upstream; 0 when there was none. */
  status: number;
  /** Envoy's words for a reset (`connection termination`), empty when a response came. */
  resetReason: string;
  transportFailureReason: string;
  upstreamConnectionId: number;
  /** Random number that the load balancer was given; with the host set's id the pick can be explained again. */
  random: number;
  hostSetId: number;
  /** Where in its schedule the load balancer was (`UpstreamCluster.lastPosition`), -1 when it keeps none. */
  position: number;
  /** What the pick went by besides the draw; null = nothing. */
  circumstances: PickCircumstances | null;
  started: number;
  connectStarted: number;
  connected: number;
  /** TLS with the host stood; -1 also where none is spoken. */
  secured: number;
  poolReady: number;
  sentFirst: number;
  sentLast: number;
  firstByte: number;
  lastByte: number;
}

/**
 * Everything about one downstream request that logs, formatters, stats and the recorder read. The connection
 * manager and the router write it; nobody else does. Created once per stream, reused for nothing.
 */
export interface StreamInfo {
  readonly streamId: number;
  readonly connection: ConnectionInfo;
  /** Version of the snapshot that decided. */
  readonly snapshotVersion: number;
  downstreamProtocol: HttpProtocol;
  /** Wall milliseconds at the first byte of the request head (`%START_TIME%`). */
  startWall: number;
  /** Monotonic milliseconds of the same instant; all other points are monotonic too, -1 when not reached. */
  start: number;
  requestComplete: number;
  responseFirst: number;
  end: number;
  /** The head as received (before the connection manager's and the router's changes). */
  receivedHead: RequestHead | null;
  /** The current head: what filters see and what goes upstream. */
  requestHead: RequestHead | null;
  requestTrailers: HeaderList | null;
  /** The head as it came from upstream, before the proxy's changes; null for a local reply. */
  upstreamResponseHead: ResponseHead | null;
  responseHead: ResponseHead | null;
  responseTrailers: HeaderList | null;
  /** 0 until known. */
  responseCode: number;
  responseCodeDetails: string;
  /** In the order in which they were set; the shared empty array until the first. */
  responseFlags: readonly ResponseFlag[];
  bytesReceived: number;
  bytesSent: number;
  downstreamHeaderBytesReceived: number;
  downstreamWireBytesReceived: number;
  downstreamHeaderBytesSent: number;
  downstreamWireBytesSent: number;
  upstreamHeaderBytesSent: number;
  upstreamWireBytesSent: number;
  upstreamHeaderBytesReceived: number;
  upstreamWireBytesReceived: number;
  /** Client address after XFF handling (`%DOWNSTREAM_REMOTE_ADDRESS%`). */
  remote: SocketAddress;
  /** Draw used by the router (weights, runtime fractions). */
  random: number;
  requestId: string;
  routeConfigName: string;
  virtualHostName: string;
  routeName: string;
  /** Position of the route in its virtual host, -1 when none matched. */
  routeIndex: number;
  clusterName: string;
  /** `alt_stat_name` of the cluster, else its name; empty until a cluster that exists was chosen. */
  clusterStatName: string;
  upstreamProtocol: HttpProtocol | null;
  upstreamHost: string;
  upstreamHostName: string;
  upstreamLocal: SocketAddress | null;
  upstreamTransportFailureReason: string;
  upstreamConnectionId: number;
  upstreamTls: TlsInfo | null;
  /** One entry per try; empty when no upstream was tried. */
  attempts: Attempt[];
  /** True when the proxy wrote the answer itself. */
  localReply: boolean;
  localReplyBody: string;
  /** `namespace → struct`, null until a filter writes. */
  dynamicMetadata: Map<string, Record<string, unknown>> | null;
  /** `object key → object`, null until a filter writes. */
  filterState: Map<string, FilterStateObject> | null;
  /** Virtual cluster that the request is counted under; left out = none. */
  virtualClusterName?: string;
  /** `metadata.filter_metadata` by namespace of what was chosen for the request; left out = none. */
  routeMetadata?: ReadonlyMap<string, unknown>;
  clusterMetadata?: ReadonlyMap<string, unknown>;
  hostMetadata?: ReadonlyMap<string, unknown>;
  /** How many internal redirects led to this request; left out = none. */
  redirectHops?: number;
  /** Set by a filter before the router: the host to pick (`stateful_session`, `override_host`). */
  overrideHost?: OverrideHost | null;
  /** What filters asked services and what these answered, one sentence each. */
  serviceNotes?: string[];
  /** True when a health check filter took it for a health check. */
  healthCheck?: boolean;
  /** Handle of the record in the recorder's ring, -1 when it is not recorded. */
  record: number;
}

export const NO_FLAGS: readonly ResponseFlag[] = [];

export function addFlag(info: StreamInfo, flag: ResponseFlag): void {
  if (!info.responseFlags.includes(flag)) info.responseFlags = [...info.responseFlags, flag];
}
