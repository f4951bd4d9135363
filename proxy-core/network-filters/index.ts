/** What stands between a connection and its bytes: network filters, the TCP proxy among them. */
export { FilteredConnection } from './filtered-connection.ts';
export { compileNetworkFilters, type NetworkFilterChain } from './registry.ts';
export type {
  CloseMode,
  NetworkConnection,
  NetworkFilterFactory,
  TerminalFactory,
  TerminalFilter,
} from './types.ts';
