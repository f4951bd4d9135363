import type { HeaderList } from '../base/headers.ts';
import type { RequestHead, SocketAddress, StreamInfo } from '../base/stream-info.ts';
import type { HttpConnectionManagerConfig } from './connection-manager-config.ts';
import { forwardedClientCert } from './forwarded-client-cert.ts';
import { addressFromRight } from './forwarded-for.ts';
import type { DetectedAddress } from './ip-detection.ts';
import { ownAddress } from './own-address.ts';
import type { SnapshotRuntime } from './runtime.ts';

/** Names that the first pass over a received head handles; any other is copied as it is. */
const Special = {
  HopByHop: 1,
  Connection: 2,
  Te: 3,
  /** Taken off external requests. */
  InternalOnly: 4,
  /** Taken off edge requests. */
  EdgeOnly: 5,
  ForwardedFor: 6,
  ForwardedProto: 7,
  RequestId: 8,
  Upgrade: 9,
  UserAgent: 10,
  ExternalAddress: 11,
  Via: 12,
  ForwardedClientCert: 13,
  DownstreamCluster: 14,
} as const;

const SPECIAL = new Map<string, number>([
  ['connection', Special.Connection],
  ['keep-alive', Special.HopByHop],
  ['proxy-connection', Special.HopByHop],
  ['transfer-encoding', Special.HopByHop],
  ['te', Special.Te],
  ['upgrade', Special.Upgrade],
  ['http2-settings', Special.HopByHop],
  ['x-forwarded-client-cert', Special.ForwardedClientCert],
  ['x-forwarded-for', Special.ForwardedFor],
  ['x-forwarded-proto', Special.ForwardedProto],
  ['x-request-id', Special.RequestId],
  ['user-agent', Special.UserAgent],
  ['x-envoy-external-address', Special.ExternalAddress],
  ['via', Special.Via],
  ['x-envoy-retry-on', Special.InternalOnly],
  ['x-envoy-retry-grpc-on', Special.InternalOnly],
  ['x-envoy-max-retries', Special.InternalOnly],
  ['x-envoy-retriable-status-codes', Special.InternalOnly],
  ['x-envoy-retriable-header-names', Special.InternalOnly],
  ['x-envoy-upstream-rq-timeout-ms', Special.InternalOnly],
  ['x-envoy-upstream-rq-per-try-timeout-ms', Special.InternalOnly],
  ['x-envoy-upstream-rq-timeout-alt-response', Special.InternalOnly],
  ['x-envoy-upstream-alt-stat-name', Special.InternalOnly],
  ['x-envoy-expected-rq-timeout-ms', Special.InternalOnly],
  ['x-envoy-force-trace', Special.InternalOnly],
  ['x-envoy-ip-tags', Special.InternalOnly],
  ['x-envoy-original-url', Special.InternalOnly],
  ['x-envoy-hedge-on-per-try-timeout', Special.InternalOnly],
  ['x-envoy-internal', Special.InternalOnly],
  ['x-envoy-decorator-operation', Special.EdgeOnly],
  ['x-envoy-downstream-service-cluster', Special.DownstreamCluster],
  ['x-envoy-downstream-service-node', Special.EdgeOnly],
  ['x-envoy-original-path', Special.EdgeOnly],
]);

/** What the first look at a head found, before anything is decided. Reused: one per process is enough. */
class Found {
  forwardedFor: string | null = null;
  forwardedProto: string | null = null;
  requestId: string | null = null;
  connection: string | null = null;
  upgrade: string | null = null;
  clientCert: string | null = null;
  userAgent = false;
  special = false;
}

const found = new Found();

function look(headers: HeaderList): void {
  found.forwardedFor = null;
  found.forwardedProto = null;
  found.requestId = null;
  found.connection = null;
  found.upgrade = null;
  found.clientCert = null;
  found.userAgent = false;
  for (let i = 0; i < headers.length; i += 2) {
    const kind = SPECIAL.get(headers[i] as string);
    if (kind === undefined) continue;
    const value = headers[i + 1] as string;
    switch (kind) {
      case Special.ForwardedFor:
        found.forwardedFor = found.forwardedFor === null ? value : `${found.forwardedFor},${value}`;
        break;
      case Special.ForwardedProto:
        found.forwardedProto ??= value;
        break;
      case Special.RequestId:
        found.requestId ??= value;
        break;
      case Special.Connection:
        found.connection = found.connection === null ? value : `${found.connection},${value}`;
        break;
      case Special.Upgrade:
        found.upgrade = value;
        break;
      case Special.UserAgent:
        found.userAgent = true;
        break;
      case Special.ForwardedClientCert:
        found.clientCert = found.clientCert === null ? value : `${found.clientCert},${value}`;
        break;
      default:
        break;
    }
  }
}

export interface RequestMutation {
  readonly head: RequestHead;
  readonly internal: boolean;
}

/**
 * Makes the head that filters and the router see from the one that was received: hop-by-hop headers go, client
 * address, protocol and request id are settled (Envoy: ConnectionManagerUtility::mutateRequestHeaders). Sets
 * `info.remote`, `info.requestId` and `info.requestHead`; the received head stays as it was. Returns whether the
 * request counts as internal. `detected`: what `original_ip_detection_extensions` found.
 */
export function mutateRequestHeaders(
  received: RequestHead,
  info: StreamInfo,
  config: HttpConnectionManagerConfig,
  runtime: SnapshotRuntime,
  tls: boolean,
  upgrade: boolean,
  uuid: () => string,
  detected: DetectedAddress | null = null,
): boolean {
  look(received.headers);
  const peer = info.connection.remote ?? info.connection.directRemote;
  const forwardedFor = found.forwardedFor;
  let remote: SocketAddress = peer;
  let single = false;
  if (config.useRemoteAddress) {
    single = forwardedFor === null;
    if (config.xffNumTrustedHops > 0 && forwardedFor !== null) {
      remote = addressFromRight(forwardedFor, config.xffNumTrustedHops - 1) ?? peer;
    }
  } else if (config.ipDetection.length > 0) {
    remote = detected?.address ?? peer;
    single = detected?.trusted === true;
  } else if (forwardedFor !== null) {
    const address = addressFromRight(forwardedFor, config.xffNumTrustedHops);
    if (address !== null) remote = address;
    single = address !== null && !forwardedFor.includes(',');
  }
  info.remote = remote;
  const internal = single && config.internalAddresses.contains(config.useRemoteAddress ? peer.ip : remote.ip);
  const edge = config.useRemoteAddress && !internal;
  const headers: HeaderList = [];
  const source = received.headers;
  const connection = found.connection;
  const named = connection !== null && connection.length > 10 ? namedByConnection(connection) : null;
  const internalOnly = config.routes.internalOnlyHeaders;
  const hidden = internal || internalOnly.length === 0 ? null : internalOnly;
  const ownProtocol = tls ? 'https' : 'http';
  let scheme = ownProtocol;
  let appendedFor = false;
  let protoDone = false;
  let externalDone = false;
  let idDone = false;
  const clientCert = forwardedClientCert(config.forwardedClientCert, found.clientCert, info.connection.tls);
  let clientCertDone = clientCert === null;
  let viaDone = config.via === '';
  let requestId = '';
  for (let i = 0; i < source.length; i += 2) {
    const name = source[i] as string;
    let value = source[i + 1] as string;
    const kind = SPECIAL.get(name);
    if (kind !== undefined) {
      switch (kind) {
        case Special.HopByHop:
          continue;
        case Special.ForwardedClientCert:
          if (clientCert === null || clientCertDone) continue;
          clientCertDone = true;
          value = clientCert;
          break;
        case Special.Connection:
          if (!upgrade) continue;
          break;
        case Special.Upgrade:
          if (!upgrade) continue;
          break;
        case Special.Te:
          if (!value.toLowerCase().includes('trailers')) continue;
          value = 'trailers';
          break;
        case Special.InternalOnly:
          if (!internal || name === 'x-envoy-internal') continue;
          break;
        case Special.EdgeOnly:
          if (edge) continue;
          break;
        case Special.DownstreamCluster:
          if (edge || config.addUserAgent) continue;
          break;
        case Special.ExternalAddress:
          if (externalDone || (config.useRemoteAddress && !edge)) continue;
          externalDone = edge;
          if (edge) value = remote.ip;
          break;
        case Special.ForwardedFor:
          if (appendedFor) continue;
          appendedFor = true;
          value = forwardedFor as string;
          if (config.useRemoteAddress && !config.skipXffAppend) value = `${value},${forwardedAddress(peer)}`;
          break;
        case Special.ForwardedProto:
          if (protoDone) continue;
          protoDone = true;
          if (config.schemeToOverwrite !== '') value = config.schemeToOverwrite;
          else if (config.useRemoteAddress && config.xffNumTrustedHops === 0) value = ownProtocol;
          if (value === 'http' || value === 'https') scheme = value;
          break;
        case Special.RequestId:
          if (idDone) continue;
          idDone = true;
          if (edge && !config.preserveExternalRequestId && config.generateRequestId) value = uuid();
          requestId = value;
          break;
        case Special.Via:
          if (!viaDone) {
            viaDone = true;
            value = `${value}, ${config.via}`;
          }
          break;
        default:
          break;
      }
    }
    if (named?.has(name) === true && kind !== Special.Te) continue;
    if (hidden?.includes(name) === true) continue;
    headers.push(name, value);
  }
  // What is missing is appended in the order in which Envoy sets it.
  if (!appendedFor && config.useRemoteAddress && !config.skipXffAppend) {
    headers.push('x-forwarded-for', forwardedAddress(peer));
  }
  if (!protoDone) {
    headers.push(
      'x-forwarded-proto',
      config.schemeToOverwrite === '' ? ownProtocol : config.schemeToOverwrite,
    );
  }
  if (config.addUserAgent && config.useRemoteAddress) {
    headers.push('x-envoy-downstream-service-cluster', runtime.serviceCluster);
    if (!found.userAgent) headers.push('user-agent', runtime.serviceCluster);
    if (runtime.serviceNode !== '') headers.push('x-envoy-downstream-service-node', runtime.serviceNode);
  }
  if (config.appendXForwardedPort) headers.push('x-forwarded-port', String(info.connection.local.port));
  if (internal) headers.push('x-envoy-internal', 'true');
  if (!viaDone) headers.push('via', config.via);
  if (edge && !externalDone) headers.push('x-envoy-external-address', remote.ip);
  if (!idDone && config.generateRequestId) {
    requestId = uuid();
    headers.push('x-request-id', requestId);
  }
  if (!clientCertDone) headers.push('x-forwarded-client-cert', clientCert as string);
  info.requestId = requestId;
  info.requestHead = {
    method: received.method,
    authority: received.authority,
    path: received.path,
    scheme,
    protocol: received.protocol,
    headers,
  };
  if (received.keys !== undefined) info.requestHead.keys = received.keys;
  return internal;
}

function forwardedAddress(peer: SocketAddress): string {
  if (peer.ip !== '127.0.0.1' && peer.ip !== '::1') return peer.ip;
  return ownAddress() ?? peer.ip;
}

function namedByConnection(connection: string): ReadonlySet<string> | null {
  let names: Set<string> | null = null;
  for (const item of connection.split(',')) {
    const name = item.trim().toLowerCase();
    if (name === '' || name === 'close' || name === 'keep-alive' || name === 'upgrade') continue;
    names ??= new Set();
    names.add(name);
  }
  return names;
}
