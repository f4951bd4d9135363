import type { SourceRange } from '../config/diagnostic.ts';
import type {
  Candidate,
  DecisionNote,
  DecisionStep,
  DecisionStepKind,
  Narrator,
  Tone,
} from '../facade/decision.ts';

/** Collects what deciding functions tell for one step. */
export class Narration implements Narrator {
  readonly candidates: Candidate[] = [];
  readonly notes: DecisionNote[] = [];

  candidate(candidate: Candidate): void {
    this.candidates.push(candidate);
  }

  note(tone: Tone, text: string, source: SourceRange | null): void {
    this.notes.push({ tone, text, source });
  }
}

export interface StepHead {
  readonly kind: DecisionStepKind;
  readonly subject: string;
  readonly text: string;
  readonly tone?: Tone;
  readonly source?: SourceRange | null;
  readonly at?: number | null;
}

export function step(head: StepHead, narration: Narration = new Narration()): DecisionStep {
  return {
    kind: head.kind,
    tone: head.tone ?? 'neutral',
    subject: head.subject,
    text: head.text,
    source: head.source ?? null,
    candidates: narration.candidates,
    notes: narration.notes,
    at: head.at ?? null,
  };
}

/** Three significant figures at most: 226 µs, 4.1 ms, 27 ms, 1.24 s. */
export function durationText(milliseconds: number): string {
  if (milliseconds < 1) return `${Math.round(milliseconds * 1000)} µs`;
  if (milliseconds < 1000) return `${Number(milliseconds.toPrecision(milliseconds < 10 ? 2 : 3))} ms`;
  return `${Number((milliseconds / 1000).toPrecision(3))} s`;
}

export function plural(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}
