import type { MessageReader } from '../config/reader.ts';

/**
 * Resources of one type from somewhere outside of the configuration. A file is one such source; a stream of an xDS server
 * or a catalog such as Consul's fits behind the same face.
 */
export interface ResourceSource {
  /** Begins; the listener is told of the first answer as of every later one. */
  start(): void;
  close(): void;
}

/** Who uses the resources. */
export interface ResourceListener {
  /** A new version came. What is returned refuses it and says why; empty takes it. */
  onResources(resources: readonly MessageReader[], version: string): string;
  /** Nothing could be had or read; what was there before stays. */
  onFailure(reason: string): void;
}
