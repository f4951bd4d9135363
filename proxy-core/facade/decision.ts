import type { SourceRange } from '../config/diagnostic.ts';

/**
 * The full reason for one routing outcome, told by the code that decided. Plain data: it crosses IPC as it is,
 * the CLI prints it, the Decision tab draws it.
 */
export interface Decision {
  /** One bold sentence ("200 from 127.0.0.1:7001 after one retry.") and the rest of the answer. */
  readonly headline: string;
  readonly detail: string;
  readonly outcome: DecisionOutcome;
  readonly steps: readonly DecisionStep[];
  readonly snapshotVersion: number;
  /** Where many such requests go, the most picked host first; left out unless draws were asked for. */
  readonly distribution?: readonly PickShare[];
}

export interface PickShare {
  /** Null: no host could be picked. */
  readonly host: string | null;
  readonly picks: number;
}

export interface DecisionOutcome {
  readonly listener: string | null;
  readonly filterChain: string | null;
  readonly virtualHost: string | null;
  readonly route: string | null;
  readonly routeIndex: number;
  readonly cluster: string | null;
  readonly host: string | null;
  /** Set when the proxy itself answers: status, flags, details. */
  readonly localReply: { readonly status: number; readonly flags: string; readonly details: string } | null;
}

export type DecisionStepKind =
  | 'listener'
  | 'filter-chain'
  | 'http-filters'
  | 'virtual-host'
  | 'route'
  | 'rewrite'
  | 'headers'
  | 'cluster'
  | 'load-balancing'
  | 'attempt'
  | 'response';

export type Tone = 'neutral' | 'good' | 'bad' | 'ejection';

export interface DecisionStep {
  readonly kind: DecisionStepKind;
  readonly tone: Tone;
  /** Name of the thing chosen, drawn bold: `inventory`. */
  readonly subject: string;
  /** The rest of the sentence: "is the first of 9 that matches". Backticks mark what is set in monospace. */
  readonly text: string;
  readonly source: SourceRange | null;
  readonly candidates: readonly Candidate[];
  readonly notes: readonly DecisionNote[];
  /** Microseconds since the request began; null in a dry run. */
  readonly at: number | null;
}

export interface Candidate {
  readonly result: 'won' | 'lost' | 'not-tried';
  /** 1-based position in its list, 0 when there is no order. */
  readonly index: number;
  readonly name: string;
  /** The condition in short: `prefix /inventory/`, `shop.local`. */
  readonly condition: string;
  /** Why it won or lost, with the values compared: "header `x-canary` was `0`, exact `1` wanted". */
  readonly reason: string;
  readonly source: SourceRange | null;
}

export interface DecisionNote {
  readonly tone: Tone;
  readonly text: string;
  readonly source: SourceRange | null;
}

/**
 * Handed to a deciding function when somebody wants the reasons; null on the hot path. The function that decides
 * is the one that calls it: there is no second implementation of any rule.
 */
export interface Narrator {
  candidate(candidate: Candidate): void;
  note(tone: Tone, text: string, source: SourceRange | null): void;
}
