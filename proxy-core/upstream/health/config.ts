import type { SourceRange } from '../../config/diagnostic.ts';
import type { HeaderMutations } from '../../route/header-mutation.ts';
import type { StringMatcher } from '../../route/string-matcher.ts';
import type { EndpointMetadata } from '../cluster-config.ts';

/** One `envoy.config.core.v3.HealthCheck` with Envoy's defaults filled in. Milliseconds. Immutable. */
export interface HealthCheckConfig extends HealthCheckIntervals {
  readonly timeout: number;
  /** Failures of the network, or retriable statuses, in a row until a healthy host is unhealthy. */
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
  readonly reuseConnection: boolean;
  readonly alwaysLogFailures: boolean;
  readonly alwaysLogSuccess: boolean;
  /** Files that get the event log: `event_log_path` and each HealthCheckEventFileSink. */
  readonly eventLogPaths: readonly string[];
  /** `tls_options.alpn_protocols`; empty = what the transport socket says. */
  readonly alpn: readonly string[];
  /** Picks among `transport_socket_matches` in place of the endpoint's metadata; null = the endpoint's. */
  readonly transportSocketMatch: EndpointMetadata | null;
  readonly check: CheckKind;
  readonly source: SourceRange;
}

export interface HealthCheckIntervals {
  readonly interval: number;
  readonly unhealthyInterval: number;
  readonly unhealthyEdgeInterval: number;
  readonly healthyEdgeInterval: number;
  /** While the cluster never had a connection. */
  readonly noTrafficInterval: number;
  readonly noTrafficHealthyInterval: number;
  readonly initialJitter: number;
  readonly intervalJitter: number;
  readonly intervalJitterPercent: number;
}

export type CheckKind = HttpCheck | TcpCheck | GrpcCheck;

/** Half open: `start` is part of it, `end` is not. */
export interface StatusRange {
  readonly start: number;
  readonly end: number;
}

export interface HttpCheck {
  readonly kind: 'http';
  /** Empty: the endpoint's, else the cluster's name. */
  readonly host: string;
  readonly path: string;
  readonly method: string;
  readonly send: Uint8Array | null;
  /** What the body must hold, in this order. */
  readonly receive: readonly Uint8Array[];
  /** Bytes of the body that are looked at; 0 = all. */
  readonly responseBufferSize: number;
  readonly headers: HeaderMutations;
  /** Never empty. */
  readonly expected: readonly StatusRange[];
  readonly retriable: readonly StatusRange[];
  readonly serviceName: StringMatcher | null;
  readonly codec: 'HTTP1' | 'HTTP2';
}

export interface TcpCheck {
  readonly kind: 'tcp';
  readonly send: Uint8Array | null;
  readonly receive: readonly Uint8Array[];
  readonly proxyProtocol: 'V1' | 'V2' | null;
}

export interface GrpcCheck {
  readonly kind: 'grpc';
  readonly serviceName: string;
  /** Empty: the endpoint's, else the cluster's name. */
  readonly authority: string;
  readonly metadata: HeaderMutations;
}

/** `endpoint.health_check_config`: where and how this endpoint is asked. */
export interface EndpointCheckConfig {
  /** 0 = the endpoint's own port. */
  readonly port: number;
  /** Empty = the endpoint's own address. */
  readonly address: string;
  readonly hostname: string;
  readonly disabled: boolean;
}

export const PLAIN_ENDPOINT_CHECK: EndpointCheckConfig = {
  port: 0,
  address: '',
  hostname: '',
  disabled: false,
};

export function sameEndpointCheck(a: EndpointCheckConfig, b: EndpointCheckConfig): boolean {
  return (
    a.port === b.port && a.address === b.address && a.hostname === b.hostname && a.disabled === b.disabled
  );
}

/** `GET /healthz`, `TCP`, `gRPC shop.Cart`: what is asked, for people. */
export function checkText(check: CheckKind): string {
  switch (check.kind) {
    case 'http':
      return `${check.method} ${check.path}`;
    case 'tcp':
      return check.receive.length === 0 ? 'TCP connect' : 'TCP send and receive';
    case 'grpc':
      return check.serviceName === '' ? 'gRPC Health/Check' : `gRPC Health/Check of ${check.serviceName}`;
  }
}
