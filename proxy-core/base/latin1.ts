/** Methods that Node's Buffer has always had and its types leave out: no encoding lookup per call. */
const methods = Buffer.prototype as unknown as {
  latin1Slice(start: number, end: number): string;
  latin1Write(text: string, offset: number): number;
};
const { latin1Slice, latin1Write } = methods;

/** The bytes as a string, one char per byte. */
export function latin1Text(bytes: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(bytes, start, end);
}

export function writeLatin1(bytes: Uint8Array, text: string, offset: number): void {
  latin1Write.call(bytes, text, offset);
}
