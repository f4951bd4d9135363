/** Where something stands in a configuration file. Lines and columns count from 1; the end is exclusive. */
export interface SourceRange {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/**
 * `error`: Envoy refuses this configuration. `warning`: Envoy takes it, but it will surprise.
 * `notice`: accepted, and not (wholly) emulated here, or changed in meaning by Attaché.
 */
export type Severity = 'error' | 'warning' | 'notice';

/** An edit that mends a diagnostic: replace `range` by `text`. */
export interface Fix {
  /** What the edit does, as a command: "Change to 2s". */
  readonly title: string;
  readonly range: SourceRange;
  readonly text: string;
}

export interface Diagnostic {
  /** Stable, kebab-case: `config.unknown-field`. */
  readonly code: string;
  readonly severity: Severity;
  /** One or two sentences: what is wrong. Names the object and the value. */
  readonly message: string;
  /** Dotted path in the user's own spelling: `static_resources.clusters[0].connect_timeout`. */
  readonly path: string;
  readonly range: SourceRange;
  /** What was expected, when that helps ("a number followed by s"). */
  readonly expected?: string;
  /** The nearest valid name, when there is one. */
  readonly suggestion?: string;
  readonly fix?: Fix;
}

export const NOWHERE: SourceRange = { file: '', line: 1, column: 1, endLine: 1, endColumn: 1 };

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((d) => d.severity === 'error');
}
