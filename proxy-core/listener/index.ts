/** Sockets, filter chains and the connections on them. Knows nothing of where configuration comes from. */
export {
  checkDuplicateListeners,
  compileListener,
  type ListenerCompileOptions,
  UnnamedListeners,
} from './compile.ts';
export { type ChainInput, chooseFilterChain } from './filter-chain-match.ts';
export { NOT_INSPECTED } from './filters/inspection.ts';
export { Listener } from './listener.ts';
export type { FilterChainConfig, ListenerConfig } from './listener-config.ts';
export { certificateViews, firstExpiry } from './tls/certificate-view.ts';
export { compileClientTls } from './tls/client.ts';
export { type LiveSecret, SecretRegistry } from './tls/secret.ts';
export { SecretManager } from './tls/secret-manager.ts';
