/** One piece of the ring: the same memory as bytes and as doubles. */
export interface Chunk {
  readonly bytes: Buffer;
  readonly doubles: Float64Array;
}

/**
 * A ring of bytes made of chunks that are allocated when first needed. Positions only grow; one entry never crosses
 * a chunk. Chunks whose entries were all released are used again before new memory is taken; when all are in use,
 * the oldest is forgotten as a whole.
 */
export class ByteRing {
  readonly chunkSize: number;
  /** Chunk number `n` (position / chunkSize) lives at `n % length`. */
  private readonly chunks: (Chunk | undefined)[];
  /** Next free position; always a multiple of 8. */
  private head = 0;
  /** The oldest chunk number that still has memory. */
  private oldest = 0;
  /** Nobody needs what lies before this. */
  private released = 0;

  constructor(readonly maxBytes: number) {
    let size = 1 << 20;
    while (size > 1 << 18 && maxBytes < size * 4) size >>= 1;
    this.chunkSize = size;
    this.chunks = new Array<Chunk | undefined>(Math.max(2, Math.floor(maxBytes / size))).fill(undefined);
  }

  /** Where the next entry may begin. */
  get position(): number {
    return this.head;
  }

  /** Bytes between the oldest that is needed and the newest. */
  get used(): number {
    return this.head - Math.max(Math.min(this.released, this.head), this.oldest * this.chunkSize);
  }

  /** Largest entry that `allocate` takes. */
  get maxEntry(): number {
    return this.chunkSize / 2;
  }

  /** Room for `size` bytes (at most `maxEntry`), 8-byte aligned, in one chunk. */
  allocate(size: number): number {
    const rounded = (size + 7) & ~7;
    const inChunk = this.head % this.chunkSize;
    if (inChunk + rounded > this.chunkSize) this.head += this.chunkSize - inChunk;
    const position = this.head;
    if (position % this.chunkSize === 0) this.enterChunk(position / this.chunkSize);
    this.head += rounded;
    return position;
  }

  /** The chunk that holds a position for which `holds` is true. */
  chunkAt(position: number): Chunk {
    return this.chunks[Math.floor(position / this.chunkSize) % this.chunks.length] as Chunk;
  }

  offsetOf(position: number): number {
    return position % this.chunkSize;
  }

  /** True while the entry at `position` has not been overwritten. */
  holds(position: number): boolean {
    return position >= this.oldest * this.chunkSize && position < this.head;
  }

  /** Tells that nothing before `position` is needed any more. */
  release(position: number): void {
    if (position > this.released) this.released = position;
  }

  /** Forgets everything and frees the memory; returns the bytes that were held. */
  clear(): number {
    const freed = this.used;
    this.chunks.fill(undefined);
    this.oldest = Math.ceil(this.head / this.chunkSize);
    this.head = this.oldest * this.chunkSize;
    this.released = this.head;
    return freed;
  }

  private enterChunk(number: number): void {
    const slot = number % this.chunks.length;
    if (this.chunks[slot] !== undefined) {
      // Came round: the oldest chunk lies here and is overwritten.
      this.oldest++;
      return;
    }
    if (this.oldest < number && (this.oldest + 1) * this.chunkSize <= this.released) {
      const from = this.oldest % this.chunks.length;
      this.chunks[slot] = this.chunks[from];
      this.chunks[from] = undefined;
      this.oldest++;
      return;
    }
    const bytes = Buffer.allocUnsafeSlow(this.chunkSize);
    this.chunks[slot] = { bytes, doubles: new Float64Array(bytes.buffer) };
  }
}
