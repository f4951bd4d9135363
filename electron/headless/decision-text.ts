import type { Candidate, Decision, DecisionStep, SourceRange } from '../../proxy-core/index.ts';

const marks: Readonly<Record<Candidate['result'], string>> = { won: '✓', lost: '✗', 'not-tried': '·' };

/** A decision for the terminal: the outcome, then each step with its candidates and why they lost. */
export function decisionText(decision: Decision): string {
  const lines = [decision.headline];
  if (decision.detail !== '') lines.push(plain(decision.detail));
  lines.push('');
  return `${lines.join('\n')}\n${stepsText(decision.steps)}`;
}

export function stepsText(steps: readonly DecisionStep[]): string {
  return steps.map((step) => `${stepLines(step).join('\n')}\n`).join('');
}

function stepLines(step: DecisionStep): string[] {
  const subject = step.subject === '' ? '' : ` ${step.subject}`;
  const lines = [`${step.kind}:${subject} ${plain(step.text)}${place(step.source)}`];
  for (const candidate of step.candidates) {
    const index = candidate.index === 0 ? '' : `${candidate.index}. `;
    const condition = candidate.condition === '' ? '' : ` (${candidate.condition})`;
    const reason = candidate.reason === '' ? '' : `: ${plain(candidate.reason)}`;
    lines.push(
      `  ${marks[candidate.result]} ${index}${candidate.name}${condition}${reason}${place(candidate.source)}`,
    );
  }
  for (const note of step.notes) lines.push(`  – ${plain(note.text)}${place(note.source)}`);
  return lines;
}

function place(source: SourceRange | null): string {
  return source === null || source.file === '' ? '' : `  [${source.file}:${source.line}]`;
}

/** Backticks mark monospace, which a terminal is anyway. */
function plain(text: string): string {
  return text.replaceAll('`', '');
}
