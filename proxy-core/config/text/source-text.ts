import type { SourceRange } from '../diagnostic.ts';

/** A configuration file as text, with a way from offsets to lines and columns. */
export class SourceText {
  private readonly lineStarts: number[] = [0];

  constructor(
    readonly file: string,
    readonly text: string,
  ) {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.lineStarts.push(at + 1);
  }

  range(start: number, end: number): SourceRange {
    const from = this.position(start);
    const to = this.position(Math.max(start, end));
    return { file: this.file, line: from.line, column: from.column, endLine: to.line, endColumn: to.column };
  }

  /** Counts from 1; columns are UTF-16 units. */
  position(offset: number): { line: number; column: number } {
    const index = this.lineIndex(Math.min(Math.max(0, offset), this.text.length));
    return { line: index + 1, column: offset - (this.lineStarts[index] as number) + 1 };
  }

  offset(line: number, column: number): number {
    const start = this.lineStarts[line - 1];
    return start === undefined ? this.text.length : Math.min(this.text.length, start + column - 1);
  }

  get lineCount(): number {
    return this.lineStarts.length;
  }

  /** A line without its line break; empty beyond the end. */
  line(number: number): string {
    const start = this.lineStarts[number - 1];
    if (start === undefined) return '';
    const end = this.lineStarts[number];
    return this.text.slice(start, end === undefined ? undefined : end - 1).replace(/\r$/, '');
  }

  private lineIndex(offset: number): number {
    let low = 0;
    let high = this.lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.lineStarts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
