/** How one check ended. `answer` is told to people: `503 Service Unavailable`, `connection refused`. */
export type ProbeResult =
  | { readonly kind: 'success'; readonly degraded: boolean; readonly answer: string }
  | {
      readonly kind: 'failure';
      /** Whether the host answered badly or the network failed. */
      readonly type: 'ACTIVE' | 'NETWORK';
      /** A status of `retriable_statuses`: counts towards the threshold. */
      readonly retriable: boolean;
      /** `x-envoy-immediate-health-check-fail` came with it. */
      readonly exclude: boolean;
      readonly answer: string;
    };

/** Asks one host, again and again over one connection when it may. */
export interface Probe {
  /** Begins a check; the owner is told its end exactly once, unless `cancel` or `close` comes first. */
  start(): void;
  /** The time is up: the check under way is given up. */
  cancel(): void;
  /** For good. */
  close(): void;
}

export type ProbeSink = (result: ProbeResult) => void;

export function failure(
  type: 'ACTIVE' | 'NETWORK',
  answer: string,
  more: { readonly retriable?: boolean; readonly exclude?: boolean } = {},
): ProbeResult {
  return {
    kind: 'failure',
    type,
    retriable: more.retriable ?? false,
    exclude: more.exclude ?? false,
    answer,
  };
}
