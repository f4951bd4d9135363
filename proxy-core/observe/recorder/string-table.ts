/**
 * Strings that repeat (names of listeners, routes, clusters, hosts, flags) as small numbers. Bounded: when it is
 * full, new strings read back as `…`.
 */
export class StringTable {
  private readonly strings: string[] = [''];
  private readonly ids = new Map<string, number>([['', 0]]);

  constructor(private readonly limit = 65536) {}

  id(text: string): number {
    if (text === '') return 0;
    const known = this.ids.get(text);
    if (known !== undefined) return known;
    if (this.strings.length >= this.limit) return this.limit;
    const id = this.strings.length;
    this.strings.push(text);
    this.ids.set(text, id);
    return id;
  }

  text(id: number): string {
    return this.strings[id] ?? '…';
  }
}
