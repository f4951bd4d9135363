const PREFIX = 'envoy.extensions.filters.network.';

export const HCM_TYPE = `${PREFIX}http_connection_manager.v3.HttpConnectionManager`;

/** Network filters that end a chain (isTerminalFilterByProto). */
const TERMINAL: ReadonlySet<string> = new Set([
  'direct_response',
  'dubbo_proxy',
  'echo',
  'generic_proxy',
  'http_connection_manager',
  'redis_proxy',
  'tcp_proxy',
  'thrift_proxy',
]);

/** `envoy.filters.network.tcp_proxy` for its v3 type. */
export function networkFilterName(type: string): string {
  return type.startsWith(PREFIX) ? `envoy.filters.network.${type.slice(PREFIX.length).split('.')[0]}` : type;
}

export function isTerminalNetworkFilter(type: string): boolean {
  return type.startsWith(PREFIX) && TERMINAL.has(type.slice(PREFIX.length).split('.')[0] ?? '');
}
