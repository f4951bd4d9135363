import type { MessageReader } from '../../config/reader.ts';

/** Compiled `envoy.extensions.filters.http.router.v3.Router`. */
export interface RouterConfig {
  /** No `x-envoy-*` headers of its own. */
  readonly suppressEnvoyHeaders: boolean;
  /** Headers whose malformed values are refused; in lower case. */
  readonly strictCheckHeaders: readonly string[];
  /** `x-envoy-expected-rq-timeout-ms` of the proxy before this one is the timeout. */
  readonly respectExpectedTimeout: boolean;
}

export function compileRouter(reader: MessageReader | undefined): RouterConfig {
  // Spans and the cost of stats per request have no counterpart here.
  reader?.acknowledge('dynamic_stats', 'start_child_span');
  return {
    suppressEnvoyHeaders: reader?.bool('suppress_envoy_headers') ?? false,
    strictCheckHeaders: (reader?.strings('strict_check_headers') ?? []).map((name) => name.toLowerCase()),
    respectExpectedTimeout: reader?.bool('respect_expected_rq_timeout') ?? false,
  };
}
