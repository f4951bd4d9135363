/** One piece of the ring: the same memory as bytes and as doubles. */
export interface Chunk {
  readonly bytes: Buffer;
  readonly doubles: Float64Array;
}

/**
 * A ring of bytes made of chunks that are allocated when first needed. Positions only grow; one entry never crosses
 * a chunk, and when the ring comes round a whole chunk of the oldest entries is forgotten at once.
 */
export class ByteRing {
  readonly chunkSize: number;
  private readonly chunks: (Chunk | undefined)[];
  /** Next free position; always a multiple of 8. */
  private head = 0;
  private cleared = 0;

  constructor(readonly maxBytes: number) {
    let size = 1 << 20;
    while (size > 1 << 18 && maxBytes < size * 4) size >>= 1;
    this.chunkSize = size;
    this.chunks = new Array<Chunk | undefined>(Math.max(2, Math.floor(maxBytes / size))).fill(undefined);
  }

  /** Everything before this position is gone. */
  get tail(): number {
    const current = Math.floor((this.head === 0 ? 0 : this.head - 1) / this.chunkSize);
    return Math.max(0, current - this.chunks.length + 1) * this.chunkSize;
  }

  get used(): number {
    return this.head - Math.max(this.tail, this.cleared);
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
    this.head += rounded;
    return position;
  }

  /** The chunk that holds a position which is still there. */
  chunkAt(position: number): Chunk {
    const index = Math.floor(position / this.chunkSize) % this.chunks.length;
    let chunk = this.chunks[index];
    if (chunk === undefined) {
      const bytes = Buffer.allocUnsafeSlow(this.chunkSize);
      chunk = { bytes, doubles: new Float64Array(bytes.buffer) };
      this.chunks[index] = chunk;
    }
    return chunk;
  }

  offsetOf(position: number): number {
    return position % this.chunkSize;
  }

  /** Forgets everything and frees the memory; returns the bytes that were held. */
  clear(): number {
    const freed = this.used;
    this.chunks.fill(undefined);
    // Go on at a fresh round, so that positions handed out before read as gone.
    this.head = (Math.floor(this.head / this.chunkSize) + this.chunks.length) * this.chunkSize;
    this.cleared = this.head;
    return freed;
  }

  /** True while the entry at `position` has not been overwritten. */
  holds(position: number): boolean {
    return position >= this.tail && position >= this.cleared;
  }
}
