/** Request body bytes kept until a connection is there, or until no retry can need them any more. */
export class RequestBuffer {
  private chunks: Buffer[] = [];
  length = 0;

  /** Copies. */
  add(bytes: Uint8Array, start: number, end: number): void {
    if (end <= start) return;
    const copy = Buffer.allocUnsafeSlow(end - start);
    copy.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
    this.chunks.push(copy);
    this.length += copy.length;
  }

  get list(): readonly Buffer[] {
    return this.chunks;
  }

  clear(): void {
    this.chunks = [];
    this.length = 0;
  }
}
