import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Stats } from '../base/stats.ts';
import type { Overlay } from '../facade/overlay.ts';
import type { SecretRegistry } from '../listener/tls/types.ts';
import type { Diagnostic, Fix, Severity, SourceRange } from './diagnostic.ts';
import type { MessageReader } from './reader.ts';

/**
 * What the compile functions of all rooms share while one configuration becomes a snapshot. A compile function
 * never throws for bad input: it reports and goes on with something harmless, so that all errors come at once.
 */
export interface CompileContext {
  /** Reports about a field of a message (or the message itself when `field` is empty). */
  report(
    severity: Severity,
    code: string,
    reader: MessageReader,
    field: string,
    message: string,
    more?: DiagnosticExtra,
  ): void;
  /** Names of all clusters of the configuration, for "unknown cluster" checks. */
  readonly clusterNames: ReadonlySet<string>;
  /** False in `validate`: still opens certificates and log files for checking, as Envoy does, but binds nothing. */
  readonly serving: boolean;
  readonly files: FileAccess;
  /** `--service-cluster`, `--service-node` and the bootstrap's node. */
  readonly node: {
    readonly id: string;
    readonly cluster: string;
    /** `node.locality`, for zone-aware routing. */
    readonly locality?: { readonly region: string; readonly zone: string; readonly subZone: string };
    /** `cluster_manager.local_cluster_name` */
    readonly localCluster?: string;
  };
  /** Values of the static runtime layers, by key. */
  readonly runtime: ReadonlyMap<string, unknown>;
  /** Where TLS contexts find their certificates; absent: each has its own, and none is ever replaced. */
  readonly secrets?: SecretRegistry;
  /** Server TLS contexts without a certificate of their own have one made for each name. */
  readonly leafFor?: Overlay['leafFor'];
}

export interface DiagnosticExtra {
  readonly expected?: string;
  readonly suggestion?: string;
  readonly fix?: Fix;
  readonly range?: SourceRange;
}

/** The file system as compilation sees it; relative paths are relative to the working directory, as in Envoy. */
export interface FileAccess {
  read(path: string): Uint8Array;
  exists(path: string): boolean;
}

/** What the running parts of a room are created with. */
export interface CoreServices {
  readonly clock: Clock;
  readonly random: Random;
  readonly stats: Stats;
  readonly log: (level: 'debug' | 'info' | 'warning' | 'error', component: string, message: string) => void;
}

export type DiagnosticSink = (diagnostic: Diagnostic) => void;
