import { ENTRY_OVERHEAD, STATIC_ENTRIES, STATIC_TABLE } from './tables.ts';

/** Values that differ from message to message would only push useful entries out of the table. */
const VOLATILE: ReadonlySet<string> = new Set([
  ':path',
  'content-length',
  'etag',
  'if-modified-since',
  'if-none-match',
  'last-modified',
  'location',
  'set-cookie',
  'traceparent',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-upstream-service-time',
  'x-request-id',
]);
/** Sent as never-indexed literals, so that no hop on the way keeps them (section 7.1.3). */
const SECRET: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'cookie']);

interface NameEntry {
  /** Static index of the name, 0 when it has none. */
  readonly staticIndex: number;
  /** Value → static index. */
  readonly staticValues: Map<string, number> | null;
  /** Value → insertion number in the dynamic table. */
  readonly dynamic: Map<string, number>;
}

const STATIC_NAMES = new Map<string, { index: number; values: Map<string, number> }>();
for (let i = 0; i < STATIC_ENTRIES; i++) {
  const name = STATIC_TABLE[i * 2] as string;
  const value = STATIC_TABLE[i * 2 + 1] as string;
  const known = STATIC_NAMES.get(name) ?? { index: i + 1, values: new Map<string, number>() };
  if (value !== '') known.values.set(value, i + 1);
  STATIC_NAMES.set(name, known);
}

/**
 * Encodes header blocks (RFC 7541), fields that repeat through the dynamic table, everything else as plain literals:
 * Huffman would save bytes that loopback does not miss. One per connection and direction.
 */
export class HpackEncoder {
  private readonly names = new Map<string, NameEntry>();
  /** Ring of inserted fields, oldest first, as `[name, value]` pairs. */
  private entries: string[] = [];
  private first = 0;
  private inserted = 0;
  private size = 0;
  private maxSize = 4096;
  private pendingUpdate = -1;
  private smallestUpdate = -1;

  target: Uint8Array;
  length = 0;

  constructor(initialCapacity = 4096) {
    this.target = new Uint8Array(initialCapacity);
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. We use at most 4096 of it. */
  setMaxTableSize(size: number): void {
    const wanted = Math.min(size, 4096);
    if (wanted === this.maxSize) return;
    this.smallestUpdate = this.smallestUpdate < 0 ? wanted : Math.min(this.smallestUpdate, wanted);
    this.pendingUpdate = wanted;
    this.maxSize = wanted;
    this.evict();
  }

  /** Starts a block in `target` at index 0. */
  begin(): void {
    this.length = 0;
    if (this.pendingUpdate < 0) return;
    if (this.smallestUpdate < this.pendingUpdate) this.integer(0x20, 5, this.smallestUpdate);
    this.integer(0x20, 5, this.pendingUpdate);
    this.pendingUpdate = -1;
    this.smallestUpdate = -1;
  }

  field(name: string, value: string): void {
    let entry = this.names.get(name);
    if (entry === undefined) entry = this.learn(name);
    const fixed = entry.staticValues?.get(value);
    if (fixed !== undefined) {
      this.integer(0x80, 7, fixed);
      return;
    }
    const number = entry.dynamic.get(value);
    if (number !== undefined) {
      this.integer(0x80, 7, STATIC_ENTRIES + this.inserted - number);
      return;
    }
    const secret = SECRET.has(name);
    const index = !secret && !VOLATILE.has(name) && name.length + value.length < 512;
    if (index) this.integer(0x40, 6, entry.staticIndex);
    else this.integer(secret ? 0x10 : 0, 4, entry.staticIndex);
    if (entry.staticIndex === 0) this.text(name);
    this.text(value);
    if (index) this.insert(name, value, entry);
  }

  private learn(name: string): NameEntry {
    const known = STATIC_NAMES.get(name);
    const entry: NameEntry = {
      staticIndex: known?.index ?? 0,
      staticValues: known?.values ?? null,
      dynamic: new Map(),
    };
    // A peer that invents names must not make this map grow: it is only a cache.
    if (this.names.size > 1024) this.forget();
    this.names.set(name, entry);
    return entry;
  }

  private forget(): void {
    for (const [name, entry] of this.names) if (entry.dynamic.size === 0) this.names.delete(name);
  }

  private insert(name: string, value: string, entry: NameEntry): void {
    this.entries.push(name, value);
    entry.dynamic.set(value, this.inserted++);
    this.size += name.length + value.length + ENTRY_OVERHEAD;
    this.evict();
  }

  private evict(): void {
    while (this.size > this.maxSize) {
      const name = this.entries[this.first] as string;
      const value = this.entries[this.first + 1] as string;
      this.size -= name.length + value.length + ENTRY_OVERHEAD;
      const number = this.inserted - (this.entries.length - this.first) / 2;
      const entry = this.names.get(name);
      if (entry !== undefined && entry.dynamic.get(value) === number) entry.dynamic.delete(value);
      this.first += 2;
    }
    if (this.first > 128 && this.first * 2 > this.entries.length) {
      this.entries = this.entries.slice(this.first);
      this.first = 0;
    }
  }

  private integer(pattern: number, prefix: number, value: number): void {
    this.room(8);
    const mask = (1 << prefix) - 1;
    const target = this.target;
    if (value < mask) {
      target[this.length++] = pattern | value;
      return;
    }
    target[this.length++] = pattern | mask;
    let rest = value - mask;
    while (rest >= 128) {
      target[this.length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    target[this.length++] = rest;
  }

  private text(text: string): void {
    this.integer(0, 7, text.length);
    this.room(text.length);
    const target = this.target;
    let at = this.length;
    for (let i = 0; i < text.length; i++) target[at++] = text.charCodeAt(i);
    this.length = at;
  }

  private room(bytes: number): void {
    if (this.length + bytes <= this.target.length) return;
    const larger = new Uint8Array(Math.max(this.target.length * 2, this.length + bytes));
    larger.set(this.target.subarray(0, this.length));
    this.target = larger;
  }
}
