import type {
  ConnectionDetail,
  CoreEvent,
  RecordDetail,
  RecordedMessage,
  RecordRow,
} from '../../../../../proxy-core/index.ts';

export function row(seq: number, at: number, changes: Partial<RecordRow> = {}): RecordRow {
  return {
    seq,
    at,
    method: 'GET',
    authority: 'shop.local',
    path: '/',
    status: 200,
    flags: '',
    details: 'via_upstream',
    local: false,
    done: true,
    protocol: 'HTTP/1.1',
    listener: 'main',
    route: 'all',
    cluster: 'service',
    host: '127.0.0.1:1',
    attempts: 1,
    requestBytes: 0,
    responseBytes: 0,
    duration: 1,
    ...changes,
  };
}

export function event(seq: number, at: number): CoreEvent {
  return {
    seq,
    at,
    kind: 'host-ejected',
    tone: 'eject',
    text: '',
    cluster: 'service',
    host: '127.0.0.1:1',
    version: 1,
    detector: 'consecutive_5xx',
    reason: '',
    duration: 30_000,
    count: 1,
  };
}

export function message(changes: Partial<RecordedMessage> = {}): RecordedMessage {
  return { startLine: 'GET / HTTP/1.1', headers: [], trailers: [], bodyKept: 0, bodyLength: 0, ...changes };
}

export function connection(changes: Partial<ConnectionDetail> = {}): ConnectionDetail {
  return {
    id: 7,
    local: '127.0.0.1:8080',
    directRemote: '127.0.0.1:2',
    filterChain: '',
    serverName: '',
    ja3: '',
    ja4: '',
    tls: null,
    terminationDetails: '',
    upstream: { id: -1, local: '', protocol: '', tls: null, failure: '' },
    ...changes,
  };
}

export function detail(changes: Partial<RecordDetail> = {}): RecordDetail {
  return {
    row: row(1, 0),
    snapshotVersion: 1,
    remote: '127.0.0.1:2',
    virtualHost: 'all',
    routeSource: null,
    request: message(),
    upstreamRequest: null,
    upstreamResponse: null,
    response: null,
    timing: { requestComplete: null, attempts: [], responseFirst: null, end: null },
    connection: connection(),
    redirectHops: 0,
    notes: [],
    logLine: '',
    ...changes,
  };
}
