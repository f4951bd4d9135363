import { writeLatin1 } from '../../base/latin1.ts';

/** Pieces up to this length are written char by char: cheaper than a native call. */
const SHORT = 64;

/**
 * Fields of latin1 text, each behind a NUL except the first, written into one buffer that is reused. Text of many
 * pieces made as a string would be a rope: garbage for each piece, and once more when it is written.
 */
export class FieldWriter {
  bytes = Buffer.allocUnsafeSlow(16 * 1024);
  length = 0;

  /** Begins anew with a first field. */
  begin(text: string): void {
    this.length = 0;
    this.append(text);
  }

  field(text: string): void {
    if (this.length >= this.bytes.length) this.grow(1);
    this.bytes[this.length++] = 0;
    this.append(text);
  }

  /** A whole number that is not negative, or what a number prints as. */
  number(value: number): void {
    if (value >= 0 && value < 10 && Number.isInteger(value)) {
      if (this.length + 2 > this.bytes.length) this.grow(2);
      this.bytes[this.length++] = 0;
      this.bytes[this.length++] = 48 + value;
    } else this.field(String(value));
  }

  private append(text: string): void {
    const { length } = text;
    if (this.length + length > this.bytes.length) this.grow(length);
    const { bytes, length: at } = this;
    if (length <= SHORT) for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i);
    else writeLatin1(bytes, text, at);
    this.length = at + length;
  }

  private grow(room: number): void {
    const larger = Buffer.allocUnsafeSlow((this.length + room) * 2);
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}
