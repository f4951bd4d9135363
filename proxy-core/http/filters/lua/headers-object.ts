import { type HeaderList, removeHeader, setHeader } from '../../../base/headers.ts';
import type { RequestHead, ResponseHead } from '../../../base/stream-info.ts';
import { lauxlib, lua } from '../../../lua/fengari.ts';
import { type LuaClass, pushIterator } from '../../../lua/object.ts';
import { checkText, luaFail, pushText } from '../../../lua/values.ts';

/** Headers or trailers as a script sees them: pseudo-headers are headers too. */
export interface LuaHeaders {
  readonly list: HeaderList;
  readonly pseudo: PseudoHeaders;
  /** False once they have been sent on. */
  modifiable(): boolean;
  setReasonPhrase?(phrase: string): void;
}

interface PseudoHeaders {
  readonly names: readonly string[];
  get(name: string): string | undefined;
  set(name: string, value: string): void;
}

const NO_PSEUDO: PseudoHeaders = { names: [], get: () => undefined, set: () => {} };

const REQUEST_NAMES = [':authority', ':path', ':method', ':scheme'];

export function requestHeaders(head: RequestHead, modifiable: () => boolean): LuaHeaders {
  const field = (name: string): 'authority' | 'path' | 'method' | 'scheme' =>
    (name === 'host' ? 'authority' : name.slice(1)) as 'authority';
  return {
    list: head.headers,
    pseudo: {
      names: REQUEST_NAMES,
      get: (name) => (name === 'host' || REQUEST_NAMES.includes(name) ? head[field(name)] : undefined),
      set: (name, value) => {
        head[field(name)] = value;
      },
    },
    modifiable,
  };
}

export function responseHeaders(head: ResponseHead, modifiable: () => boolean): LuaHeaders {
  return {
    list: head.headers,
    pseudo: {
      names: [':status'],
      get: (name) => (name === ':status' ? String(head.status) : undefined),
      set: (_name, value) => {
        head.status = Number(value);
      },
    },
    modifiable,
    setReasonPhrase: (reasonPhrase) => {
      const spell = head.keys?.spell.bind(head.keys) ?? ((name: string) => name);
      head.keys = { spell, reasonPhrase };
    },
  };
}

export function trailerHeaders(trailers: HeaderList): LuaHeaders {
  return { list: trailers, pseudo: NO_PSEUDO, modifiable: () => true };
}

function isPseudo({ pseudo }: LuaHeaders, name: string): boolean {
  return pseudo.get(name) !== undefined;
}

function values(headers: LuaHeaders, name: string): string[] {
  const own = headers.pseudo.get(name);
  if (own !== undefined) return [own];
  const found: string[] = [];
  for (let i = 0; i < headers.list.length; i += 2) {
    if (headers.list[i] === name) found.push(headers.list[i + 1] as string);
  }
  return found;
}

function checkModifiable(headers: LuaHeaders, L: FengariState): void {
  if (!headers.modifiable()) luaFail(L, 'header map can no longer be modified');
}

function nameAt(L: FengariState): string {
  return checkText(L, 2).toLowerCase();
}

export const LUA_HEADERS: LuaClass<LuaHeaders> = {
  name: 'headers',
  methods: {
    add: (headers, L) => {
      checkModifiable(headers, L);
      const name = nameAt(L);
      const value = checkText(L, 3);
      if (isPseudo(headers, name)) headers.pseudo.set(name, value);
      else headers.list.push(name, value);
      return 0;
    },
    get: (headers, L) => {
      const found = values(headers, nameAt(L));
      if (found.length === 0) return 0;
      pushText(L, found.join(','));
      return 1;
    },
    getAtIndex: (headers, L) => {
      const found = values(headers, nameAt(L))[lauxlib.luaL_checkinteger(L, 3)];
      if (found === undefined) return 0;
      pushText(L, found);
      return 1;
    },
    getNumValues: (headers, L) => {
      lua.lua_pushinteger(L, values(headers, nameAt(L)).length);
      return 1;
    },
    remove: (headers, L) => {
      checkModifiable(headers, L);
      removeHeader(headers.list, nameAt(L));
      return 0;
    },
    replace: (headers, L) => {
      checkModifiable(headers, L);
      const name = nameAt(L);
      const value = checkText(L, 3);
      if (isPseudo(headers, name)) headers.pseudo.set(name, value);
      else setHeader(headers.list, name, value);
      return 0;
    },
    setHttp1ReasonPhrase: (headers, L) => {
      checkModifiable(headers, L);
      headers.setReasonPhrase?.(checkText(L, 2));
      return 0;
    },
  },
  pairs: (headers, L) => {
    const entries: (readonly [string, string])[] = headers.pseudo.names.map(
      (name) => [name, headers.pseudo.get(name) ?? ''] as const,
    );
    for (let i = 0; i < headers.list.length; i += 2) {
      entries.push([headers.list[i] as string, headers.list[i + 1] as string]);
    }
    return pushIterator(L, entries, (l, [name, value]) => {
      pushText(l, name);
      pushText(l, value);
    });
  },
};

/** A header list as the plain table that `httpCall` gives back: repeated names joined unless they are all wanted. */
export function headerTable(
  status: number,
  headers: HeaderList,
  keepRepeated: boolean,
): Record<string, unknown> {
  const table: Record<string, unknown> = { ':status': String(status) };
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    const before = table[name];
    if (before === undefined) table[name] = value;
    else if (keepRepeated) table[name] = Array.isArray(before) ? [...before, value] : [before, value];
    else table[name] = value;
  }
  return table;
}
