import type { Diagnostic, SourceRange } from '../config/diagnostic.ts';
import type { DecisionStep } from './decision.ts';

/** A file of route tests, in the format of Envoy's router_check tool. */
export interface RouteTestsSource {
  readonly file: string;
  readonly text: string;
  /** Name of the route table to test; needed when the configuration has several. */
  readonly routeConfig?: string;
}

export interface RouteTestRun {
  /** Of the configuration. */
  readonly diagnostics: readonly Diagnostic[];
  /** Of the tests' file. */
  readonly testDiagnostics: readonly Diagnostic[];
  /** Null when one of the two has errors. */
  readonly report: RouteTestReport | null;
}

export interface RouteTestReport {
  readonly results: readonly RouteTestResult[];
  readonly coverage: RouteCoverage;
}

export interface RouteTestResult {
  readonly name: string;
  readonly source: SourceRange;
  /** Empty: the test passed. */
  readonly failures: readonly RouteTestFailure[];
  /** `routeConfig/virtualHost/index` of the route that was taken, null = none. */
  readonly route: string | null;
  /** Why the request went where it went; for tests that failed. */
  readonly steps: readonly DecisionStep[];
}

export interface RouteTestFailure {
  /** What was compared: `cluster_name`, `response_header_matches`. */
  readonly what: string;
  readonly expected: string;
  readonly actual: string;
}

/** Which routes were taken by a test that passed. */
export interface RouteCoverage {
  readonly routes: number;
  readonly covered: number;
  readonly missing: readonly {
    readonly virtualHost: string;
    readonly route: string;
    readonly source: SourceRange;
  }[];
}
