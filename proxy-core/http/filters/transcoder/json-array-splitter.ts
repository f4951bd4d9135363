/** Cuts a JSON array that arrives in pieces into the texts of its elements. */
export class JsonArraySplitter {
  private depth = 0;
  private inString = false;
  private escaped = false;
  private element = '';
  private ended = false;

  /** Elements that are whole now. Null: this is no array. */
  push(text: string): string[] | null {
    const elements: string[] = [];
    for (const char of text) {
      if (this.inString) {
        this.element += char;
        if (this.escaped) this.escaped = false;
        else if (char === '\\') this.escaped = true;
        else if (char === '"') this.inString = false;
        continue;
      }
      if (this.depth === 0) {
        if (char.trim() === '') continue;
        if (char !== '[' || this.ended) return null;
        this.depth = 1;
        continue;
      }
      if (this.depth === 1 && (char === ',' || char === ']')) {
        if (this.element.trim() !== '') elements.push(this.element.trim());
        this.element = '';
        if (char === ']') {
          this.depth = 0;
          this.ended = true;
        }
        continue;
      }
      if (char === '"') this.inString = true;
      else if (char === '{' || char === '[') this.depth++;
      else if (char === '}' || char === ']') this.depth--;
      this.element += char;
    }
    return elements;
  }

  /** Nothing came, or the array was closed. */
  get complete(): boolean {
    return this.depth === 0;
  }
}
