import type { Attempt, ConnectionInfo, StreamInfo } from '../../../../proxy-core/base/stream-info.ts';
import { NO_FLAGS } from '../../../../proxy-core/base/stream-info.ts';

/** A downstream connection as tests need one. */
export function connection(over: Partial<ConnectionInfo> = {}): ConnectionInfo {
  return {
    id: 7,
    listenerName: 'main',
    local: { ip: '127.0.0.1', port: 8080 },
    directRemote: { ip: '127.0.0.1', port: 51608 },
    filterChainName: '',
    requestedServerName: '',
    tls: null,
    terminationDetails: '',
    ...over,
  };
}

export function attempt(over: Partial<Attempt> = {}): Attempt {
  return {
    hostAddress: '127.0.0.1:9001',
    reason: '',
    hostName: '',
    status: 200,
    resetReason: '',
    transportFailureReason: '',
    upstreamConnectionId: 2,
    random: 12345,
    hostSetId: 3,
    position: 1,
    circumstances: null,
    started: 1000.1,
    connectStarted: -1,
    connected: -1,
    secured: -1,
    poolReady: 1000.2,
    sentFirst: 1000.25,
    sentLast: 1000.25,
    firstByte: 1004,
    lastByte: 1004.5,
    ...over,
  };
}

/** A finished, ordinary request: `GET /inventory/items` answered 200 by 127.0.0.1:9001 after 5 ms. */
export function stream(over: Partial<StreamInfo> = {}): StreamInfo {
  const headers = ['user-agent', 'curl/7.88.1', 'accept', '*/*'];
  return {
    streamId: 1,
    connection: connection(),
    snapshotVersion: 4,
    downstreamProtocol: 'HTTP/1.1',
    startWall: 1_790_000_000_000,
    start: 1000,
    requestComplete: 1000.05,
    responseFirst: 1004.1,
    end: 1005,
    receivedHead: {
      method: 'GET',
      authority: 'shop.local',
      path: '/inventory/items?x=1',
      scheme: 'http',
      protocol: '',
      headers,
    },
    requestHead: {
      method: 'GET',
      authority: 'shop.local',
      path: '/inventory/items?x=1',
      scheme: 'http',
      protocol: '',
      headers: [...headers, 'x-forwarded-proto', 'http', 'x-request-id', 'id-1'],
    },
    requestTrailers: null,
    upstreamResponseHead: { status: 200, headers: ['content-type', 'application/json'] },
    responseHead: {
      status: 200,
      headers: ['content-type', 'application/json', 'x-envoy-upstream-service-time', '4', 'server', 'envoy'],
    },
    responseTrailers: null,
    responseCode: 200,
    responseCodeDetails: 'via_upstream',
    responseFlags: NO_FLAGS,
    bytesReceived: 0,
    bytesSent: 2,
    downstreamHeaderBytesReceived: 80,
    downstreamWireBytesReceived: 80,
    downstreamHeaderBytesSent: 120,
    downstreamWireBytesSent: 122,
    upstreamHeaderBytesSent: 150,
    upstreamWireBytesSent: 150,
    upstreamHeaderBytesReceived: 60,
    upstreamWireBytesReceived: 62,
    remote: { ip: '127.0.0.1', port: 51608 },
    random: 99,
    requestId: 'id-1',
    routeConfigName: 'shop_routes',
    virtualHostName: 'shop',
    routeName: 'inventory',
    routeIndex: 2,
    clusterName: 'inventory_service',
    clusterStatName: 'inventory_service',
    upstreamProtocol: 'HTTP/1.1',
    upstreamHost: '127.0.0.1:9001',
    upstreamHostName: '',
    upstreamLocal: { ip: '127.0.0.1', port: 40000 },
    upstreamTransportFailureReason: '',
    upstreamConnectionId: 2,
    upstreamTls: null,
    attempts: [attempt()],
    localReply: false,
    localReplyBody: '',
    dynamicMetadata: null,
    filterState: null,
    record: -1,
    ...over,
  };
}
