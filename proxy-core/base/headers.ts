/**
 * Header lists as flat arrays: `[name, value, name, value, …]`, names in lower case, order kept, repeated
 * names repeated. Values are latin1 strings (one char per byte on the wire). Pseudo-headers and Host are not in
 * the list; they are fields of the head.
 */
export type HeaderList = string[];

/** How a message spells its header names where HTTP/1 shows them. */
export interface HeaderKeys {
  /** @param name in lower case */
  spell(name: string): string;
  /** Forwarded reason phrase; empty = the usual one of the status. */
  readonly reasonPhrase: string;
}

/** The first value of a header, or undefined. `name` must be in lower case. */
export function headerValue(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) return headers[i + 1];
  }
  return undefined;
}

/** All values joined with `,` without a blank, as Envoy's header matchers see a repeated header. */
export function joinedHeaderValue(headers: readonly string[], name: string): string | undefined {
  let joined: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) joined = joined === undefined ? headers[i + 1] : `${joined},${headers[i + 1]}`;
  }
  return joined;
}

/** Removes every line of that name, in place. */
export function removeHeader(headers: HeaderList, name: string): void {
  let to = 0;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== name) {
      if (to !== i) {
        headers[to] = headers[i] as string;
        headers[to + 1] = headers[i + 1] as string;
      }
      to += 2;
    }
  }
  // Setting a length is slow, also to what it is.
  if (to < headers.length) headers.length = to;
}

/** Overwrites the first line of that name in place and removes the others; appends when there is none. */
export function setHeader(headers: HeaderList, name: string, value: string): void {
  let to = 0;
  let found = false;
  for (let i = 0; i < headers.length; i += 2) {
    const n = headers[i] as string;
    if (n === name) {
      if (found) continue;
      found = true;
      headers[to] = n;
      headers[to + 1] = value;
      to += 2;
    } else {
      if (to !== i) {
        headers[to] = n;
        headers[to + 1] = headers[i + 1] as string;
      }
      to += 2;
    }
  }
  if (to < headers.length) headers.length = to;
  if (!found) headers.push(name, value);
}
