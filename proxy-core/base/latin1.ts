/** Methods that Node's Buffer has always had and its types leave out: no encoding lookup per call. */
interface Latin1Buffer {
  latin1Slice(start: number, end: number): string;
  latin1Write(text: string, offset: number): number;
}

/** The bytes as a string, one char per byte. `bytes` must be a Buffer or live on Buffer's prototype. */
export function latin1Text(bytes: Uint8Array, start: number, end: number): string {
  return (bytes as unknown as Latin1Buffer).latin1Slice(start, end);
}

export function writeLatin1(bytes: Uint8Array, text: string, offset: number): void {
  (bytes as unknown as Latin1Buffer).latin1Write(text, offset);
}
