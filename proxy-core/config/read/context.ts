import type { Diagnostic, Fix, Severity, SourceRange } from '../diagnostic.ts';
import type { MessageNode } from '../message.ts';
import type { Schema } from '../schema/types.ts';
import type { SourceText } from '../text/source-text.ts';

/** A configuration may have this many values, aliases counted each time they are used. */
const MAX_VALUES = 1_000_000;

/** What reading one text shares: the schema, the diagnostics, and the budget that stops alias bombs. */
export class ReadContext {
  readonly diagnostics: Diagnostic[] = [];
  /** Fields that stand in the text but could not be read: constraints must not call them missing. */
  private readonly broken = new WeakMap<MessageNode, Set<string>>();
  private values = 0;

  constructor(
    readonly schema: Schema,
    readonly source: SourceText,
    /** `--allow-unknown-static-fields`. */
    readonly allowUnknownFields: boolean,
  ) {}

  range(start: number, end: number): SourceRange {
    return this.source.range(start, end);
  }

  report(
    severity: Severity,
    code: string,
    path: string,
    range: SourceRange,
    message: string,
    more: { expected?: string | undefined; suggestion?: string | undefined; fix?: Fix | undefined } = {},
  ): void {
    this.diagnostics.push({
      code,
      severity,
      message,
      path,
      range,
      ...(more.expected === undefined ? {} : { expected: more.expected }),
      ...(more.suggestion === undefined ? {} : { suggestion: more.suggestion }),
      ...(more.fix === undefined ? {} : { fix: more.fix }),
    });
  }

  /** False when the budget is used up; says so once. */
  spend(path: string, start: number, end: number): boolean {
    if (this.values > MAX_VALUES) return false;
    if (++this.values <= MAX_VALUES) return true;
    this.report(
      'error',
      'config.too-large',
      path,
      this.range(start, end),
      `With its aliases followed the configuration has more than ${MAX_VALUES} values.`,
    );
    return false;
  }

  markBroken(message: MessageNode, fields: Iterable<string>): void {
    this.broken.set(message, new Set(fields));
  }

  isBroken(message: MessageNode, field: string): boolean {
    return this.broken.get(message)?.has(field) ?? false;
  }
}
