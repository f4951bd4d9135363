import type { HeaderList } from '../../base/headers.ts';
import { latin1Text } from '../../base/latin1.ts';
import { Http1Errors, Http1Violation } from './http1-errors.ts';
import { findHeadEnd, type HeadFacts, type HeadRules, parseHeaderLines } from './http1-head.ts';

/** Reads the trailer section of a chunked message (RFC 9112 section 7.1.2) up to its blank line. */
export class TrailerReader {
  /** Bytes of the section that was read last. */
  length = 0;
  private carry = '';
  private scanned = 0;

  constructor(
    private readonly maxBytes: number,
    private readonly rules: HeadRules,
    private readonly facts: HeadFacts,
  ) {}

  /**
   * Appends to `trailers` and returns the position behind the section; -1 when all bytes are taken and more are needed.
   * Throws Http1Violation.
   */
  read(bytes: Buffer, position: number, end: number, trailers: HeaderList): number {
    const had = this.carry.length;
    const text = this.carry + latin1Text(bytes, position, Math.min(end, position + this.maxBytes + 4 - had));
    const first = text.charCodeAt(0);
    let length: number;
    if (first === 10) length = 1;
    else if (first === 13 && text.length === 1) length = -1;
    else if (first === 13 && text.charCodeAt(1) === 10) length = 2;
    else length = findHeadEnd(text, this.scanned);
    if (length < 0) {
      if (text.length > this.maxBytes) throw new Http1Violation(Http1Errors.headersTooLarge);
      this.carry = text;
      this.scanned = Math.max(0, text.length - 2);
      return -1;
    }
    if (length > 2) {
      this.facts.reset();
      parseHeaderLines(text, 0, this.rules, trailers, this.facts);
    }
    this.carry = '';
    this.scanned = 0;
    this.length = length;
    return position + length - had;
  }
}
