import { huffmanDecode } from './huffman.ts';
import { ENTRY_OVERHEAD, STATIC_ENTRIES, STATIC_TABLE } from './tables.ts';

/** Called for each field of a block, in order. Strings are latin1. */
export interface FieldSink {
  onField(name: string, value: string): void;
}

/**
 * Decodes header blocks (RFC 7541). One per connection and direction; after an error the connection is lost, since
 * both sides no longer agree on the table. Never throws; memory is bounded by the table size and the block.
 */
export class HpackDecoder {
  /** Newest last: entry with dynamic index d (from 0) is at `count - 1 - d`. Slots before `first` are free. */
  private names: string[] = [];
  private values: string[] = [];
  private first = 0;
  private size = 0;
  private maxSize: number;

  // The cursor of the block that is being decoded.
  private bytes: Uint8Array = new Uint8Array(0);
  private at = 0;
  private end = 0;
  private error: string | null = null;

  /** @param limit SETTINGS_HEADER_TABLE_SIZE that we announced, bytes. */
  constructor(private readonly limit: number) {
    this.maxSize = limit;
  }

  /** Decodes one whole block. Returns null, or what was wrong with it. */
  decode(bytes: Uint8Array, start: number, end: number, sink: FieldSink): string | null {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.error = null;
    let fields = 0;
    while (this.at < end) {
      const first = bytes[this.at] as number;
      if (first >= 0x80) {
        const index = this.integer(7);
        if (index < 0) return this.error;
        const dynamic = index - STATIC_ENTRIES - 1;
        if (index === 0 || dynamic >= this.names.length - this.first) return 'index out of range';
        if (dynamic < 0) {
          sink.onField(STATIC_TABLE[index * 2 - 2] as string, STATIC_TABLE[index * 2 - 1] as string);
        } else {
          const slot = this.names.length - 1 - dynamic;
          sink.onField(this.names[slot] as string, this.values[slot] as string);
        }
        fields++;
      } else if (first >= 0x40) {
        const name = this.name(6);
        if (name === null) return this.error;
        const value = this.text();
        if (value === null) return this.error;
        this.insert(name, value);
        sink.onField(name, value);
        fields++;
      } else if (first >= 0x20) {
        const size = this.integer(5);
        if (size < 0) return this.error;
        if (fields > 0) return 'table size update after a field';
        if (size > this.limit) return 'table size over the limit';
        this.maxSize = size;
        this.evict();
      } else {
        const name = this.name(4);
        if (name === null) return this.error;
        const value = this.text();
        if (value === null) return this.error;
        sink.onField(name, value);
        fields++;
      }
    }
    return null;
  }

  private name(prefix: number): string | null {
    const index = this.integer(prefix);
    if (index < 0) return null;
    if (index === 0) return this.text();
    if (index <= STATIC_ENTRIES) return STATIC_TABLE[index * 2 - 2] as string;
    const slot = this.names.length - (index - STATIC_ENTRIES);
    if (slot < this.first) return this.fail('index out of range');
    return this.names[slot] as string;
  }

  /** A prefixed integer (section 5.1); -1 on error. More than four continuation bytes are refused. */
  private integer(prefix: number): number {
    const mask = (1 << prefix) - 1;
    let value = (this.bytes[this.at++] as number) & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.at >= this.end) {
        this.fail('truncated integer');
        return -1;
      }
      const byte = this.bytes[this.at++] as number;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    this.fail('integer too large');
    return -1;
  }

  private text(): string | null {
    if (this.at >= this.end) return this.fail('truncated string');
    const huffman = (this.bytes[this.at] as number) >= 0x80;
    const length = this.integer(7);
    if (length < 0) return null;
    const start = this.at;
    const end = start + length;
    if (end > this.end) return this.fail('truncated string');
    this.at = end;
    if (huffman) return huffmanDecode(this.bytes, start, end) ?? this.fail('bad Huffman code');
    let text = '';
    for (let i = start; i < end; i += 2048) {
      const part = this.bytes.subarray(i, Math.min(end, i + 2048));
      text += String.fromCharCode.apply(null, part as unknown as number[]);
    }
    return text;
  }

  private fail(error: string): null {
    this.error = error;
    return null;
  }

  private insert(name: string, value: string): void {
    this.names.push(name);
    this.values.push(value);
    this.size += name.length + value.length + ENTRY_OVERHEAD;
    this.evict();
  }

  private evict(): void {
    while (this.size > this.maxSize) {
      this.size -=
        (this.names[this.first] as string).length +
        (this.values[this.first] as string).length +
        ENTRY_OVERHEAD;
      this.names[this.first] = '';
      this.values[this.first] = '';
      this.first++;
    }
    // Drop the free slots once they outnumber the entries: each entry moves O(1) times on average.
    if (this.first > 64 && this.first * 2 > this.names.length) {
      this.names = this.names.slice(this.first);
      this.values = this.values.slice(this.first);
      this.first = 0;
    }
  }
}
