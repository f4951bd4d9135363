import type { HeaderList } from '../base/headers.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { HeaderMatcher } from '../route/index.ts';

/** One test of a route table, in the format of Envoy's router_check tool (`ValidationItem`). */
export interface RouteTest {
  readonly name: string;
  readonly input: RouteTestInput;
  readonly expected: RouteTestExpectation;
  readonly source: SourceRange;
}

/** The request that is routed (`ValidationInput`). */
export interface RouteTestInput {
  readonly authority: string;
  readonly path: string;
  readonly method: string;
  /** Draw of weighted clusters and fractions. */
  readonly random: number;
  readonly tls: boolean;
  readonly internal: boolean;
  /** The one runtime key that counts as set: a `runtime_fraction` with another key never hits. */
  readonly runtime: string;
  readonly requestHeaders: HeaderList;
  readonly responseHeaders: HeaderList;
  readonly metadata: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
}

/** What must come out (`ValidationAssert`); what is left out is not looked at, an empty text means "none". */
export interface RouteTestExpectation {
  readonly texts: ReadonlyMap<ExpectedText, string>;
  readonly redirectCode: number | null;
  readonly metadata: readonly ExpectedMetadata[];
  readonly requestHeaders: readonly ExpectedHeader[];
  readonly responseHeaders: readonly ExpectedHeader[];
}

export const EXPECTED_TEXTS = [
  'cluster_name',
  'virtual_cluster_name',
  'virtual_host_name',
  'path_rewrite',
  'host_rewrite',
  'path_redirect',
  'timeout',
] as const;
export type ExpectedText = (typeof EXPECTED_TEXTS)[number];

export interface ExpectedMetadata {
  readonly namespace: string;
  readonly key: string;
  readonly value: string;
}

export interface ExpectedHeader {
  /** As the file calls the list: `request_header_matches`, `request_header_fields`, … */
  readonly kind: string;
  readonly name: string;
  readonly matcher: HeaderMatcher;
}
