/** A proxy that can run a case's configuration. */
export interface Target {
  readonly name: string;
  /** Envoy's version, or what else stands for the target in a recording. */
  version(): Promise<string>;
  /** Runs the configuration; resolves once its listeners accept. Rejects with TargetRefused when it is refused. */
  start(run: TargetRun): Promise<RunningTarget>;
  validate(run: TargetRun): Promise<Verdict>;
}

export interface TargetRun {
  readonly directory: string;
  readonly text: string;
  readonly adminPort: number;
  /** Makes Envoy take 1.32's code paths. */
  readonly guards: boolean;
}

export interface RunningTarget {
  stop(): Promise<void>;
}

export interface Verdict {
  readonly verdict: 'accept' | 'reject';
  /** What it said, for people; only the verdict is compared. */
  readonly says: string;
}

export class TargetRefused extends Error {}
