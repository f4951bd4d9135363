import { NO_FLAGS, type RequestHead, type StreamInfo } from '../../../../proxy-core/base/stream-info.ts';
import type { CompileContext } from '../../../../proxy-core/config/compile-context.ts';
import { type Diagnostic, NOWHERE, type Severity } from '../../../../proxy-core/config/diagnostic.ts';
import { loadMessage } from '../../../../proxy-core/config/load.ts';
import { MessageReader } from '../../../../proxy-core/config/reader.ts';
import type { Candidate, Narrator } from '../../../../proxy-core/facade/decision.ts';
import { compileRouteConfiguration, type RouteCompileOptions } from '../../../../proxy-core/route/compile.ts';
import type { RouteInput, RouteTable } from '../../../../proxy-core/route/types.ts';

export const ROUTE_CONFIGURATION = 'envoy.config.route.v3.RouteConfiguration';

export interface Reported {
  readonly severity: Severity;
  readonly code: string;
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

export function testContext(reported: Reported[], more: Partial<CompileContext> = {}): CompileContext {
  return {
    report: (severity, code, reader, field, message, extra) => {
      const range = extra?.range ?? (field === '' ? reader.range : reader.rangeOf(field));
      reported.push({
        severity,
        code,
        path: field === '' ? reader.path : reader.pathOf(field),
        line: range.line,
        message,
      });
    },
    clusterNames: new Set(['a', 'b', 'c']),
    serving: false,
    files: {
      exists: (path) => path === '/body.txt',
      read: () => new TextEncoder().encode('from a file'),
    },
    node: { id: '', cluster: '' },
    runtime: new Map(),
    ...more,
  };
}

export interface Compiled {
  readonly table: RouteTable;
  readonly reported: Reported[];
  readonly load: readonly Diagnostic[];
}

/** Compiles a route configuration from YAML. */
export function compileTable(
  yaml: string,
  more: Partial<CompileContext> = {},
  options: RouteCompileOptions = {},
): Compiled {
  const { reader, load } = readMessage(yaml, ROUTE_CONFIGURATION);
  const reported: Reported[] = [];
  return { table: compileRouteConfiguration(reader, testContext(reported, more), options), reported, load };
}

export function readMessage(
  yaml: string,
  type: string,
): { reader: MessageReader; load: readonly Diagnostic[] } {
  const { root, diagnostics } = loadMessage(yaml, 'test.yaml', type);
  if (root === null) throw new Error(`unreadable: ${JSON.stringify(diagnostics)}`);
  return { reader: new MessageReader(root), load: diagnostics };
}

/** One virtual host for every domain with these routes (a YAML list, each item in flow style or indented by 2). */
export function oneHost(routes: string, virtualHost = '', configuration = ''): string {
  return `name: local
${configuration}
virtual_hosts:
- name: all
  domains: ["*"]
${indent(virtualHost, 2)}
  routes:
${indent(routes, 2)}
`;
}

function indent(text: string, by: number): string {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => ' '.repeat(by) + line)
    .join('\n');
}

export function head(
  path: string,
  headers: readonly string[] = [],
  more: Partial<RequestHead> = {},
): RequestHead {
  return {
    method: 'GET',
    authority: 'shop.test',
    path,
    scheme: 'http',
    protocol: '',
    headers: ['x-forwarded-proto', 'http', ...headers],
    ...more,
  };
}

export function input(
  path: string,
  headers: readonly string[] = [],
  more: Partial<RequestHead> = {},
  rest: Partial<RouteInput> = {},
): RouteInput {
  return {
    head: head(path, headers, more),
    random: 0,
    tls: false,
    internal: false,
    runtime: new Map(),
    ...rest,
  };
}

export interface Recorded extends Narrator {
  readonly candidates: Candidate[];
  readonly notes: string[];
}

export function recordingNarrator(): Recorded {
  const candidates: Candidate[] = [];
  const notes: string[] = [];
  return {
    candidates,
    notes,
    candidate: (candidate) => candidates.push(candidate),
    note: (_tone, text) => notes.push(text),
  };
}

export function streamInfo(more: Partial<StreamInfo> = {}): StreamInfo {
  const address = { ip: '127.0.0.1', port: 10000 };
  return {
    streamId: 7,
    connection: {
      id: 3,
      listenerName: 'main',
      local: address,
      directRemote: { ip: '127.0.0.1', port: 51608 },
      filterChainName: '',
      requestedServerName: '',
      tls: null,
      terminationDetails: '',
    },
    snapshotVersion: 1,
    downstreamProtocol: 'HTTP/1.1',
    startWall: Date.UTC(2026, 10, 22, 15, 27, 3, 322),
    start: 1000,
    requestComplete: 1000.4,
    responseFirst: 1004,
    end: 1005.9,
    receivedHead: null,
    requestHead: null,
    requestTrailers: null,
    upstreamResponseHead: null,
    responseHead: null,
    responseTrailers: null,
    responseCode: 200,
    responseCodeDetails: 'via_upstream',
    responseFlags: NO_FLAGS,
    bytesReceived: 0,
    bytesSent: 292,
    downstreamHeaderBytesReceived: 40,
    downstreamWireBytesReceived: 80,
    downstreamHeaderBytesSent: 139,
    downstreamWireBytesSent: 450,
    upstreamHeaderBytesSent: 159,
    upstreamWireBytesSent: 197,
    upstreamHeaderBytesReceived: 51,
    upstreamWireBytesReceived: 364,
    remote: { ip: '8.8.8.8', port: 0 },
    random: 0,
    requestId: 'the-id',
    routeConfigName: 'local',
    virtualHostName: 'all',
    routeName: '',
    routeIndex: 0,
    clusterName: 'inventory_service',
    clusterStatName: 'inventory_service',
    upstreamProtocol: 'HTTP/1.1',
    upstreamHost: '127.0.0.1:9003',
    upstreamHostName: '',
    upstreamLocal: { ip: '127.0.0.1', port: 43340 },
    upstreamTransportFailureReason: '',
    upstreamConnectionId: 2,
    upstreamTls: null,
    attempts: [],
    localReply: false,
    localReplyBody: '',
    dynamicMetadata: null,
    filterState: null,
    record: -1,
    ...more,
  };
}

export { NOWHERE };
