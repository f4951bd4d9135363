const PLACES = 64;

/**
 * Strings that repeat (names of listeners, routes, clusters, hosts, flags) as small numbers. Bounded: when it is
 * full, new strings read back as `…`.
 */
export class StringTable {
  private readonly strings: string[] = [''];
  private readonly ids = new Map<string, number>([['', 0]]);

  /** The last text of each place and its number: what stands there is mostly what stood there before. */
  private readonly recent: string[] = new Array<string>(PLACES).fill('');
  private readonly recentIds = new Int32Array(PLACES);

  constructor(private readonly limit = 65536) {}

  /** The same as `id`, without a look into the table when that place had this text last. @param place below 64 */
  idAt(place: number, text: string): number {
    if (text === '') return 0;
    if (this.recent[place] === text) return this.recentIds[place] as number;
    const id = this.id(text);
    this.recent[place] = text;
    this.recentIds[place] = id;
    return id;
  }

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
