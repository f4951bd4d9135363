/**
 * The array methods of ES2023, which came with Chrome 110; the Electron 22 of the tests has Chrome 108. Stands on its
 * own: it is also given to the page as text.
 */
export function addArrayMethods(): void {
  const methods: Record<string, (this: unknown[], ...args: never[]) => unknown[]> = {
    toSorted(compare?: (a: unknown, b: unknown) => number) {
      return [...this].sort(compare);
    },
    toReversed() {
      return [...this].reverse();
    },
    toSpliced(start: number, count: number, ...items: unknown[]) {
      const copy = [...this];
      copy.splice(start, count, ...items);
      return copy;
    },
    with(index: number, value: unknown) {
      const copy = [...this];
      copy[index < 0 ? copy.length + index : index] = value;
      return copy;
    },
  };
  for (const [name, value] of Object.entries(methods)) {
    if (name in Array.prototype) continue;
    Object.defineProperty(Array.prototype, name, { value, configurable: true, writable: true });
  }
}
