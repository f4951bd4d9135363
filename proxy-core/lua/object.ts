import { luaBytes } from './bytes.ts';
import { lauxlib, lua } from './fengari.ts';
import { luaFail } from './values.ts';

/** A method: `self` is the JavaScript object; its arguments start at index 2. Returns how many results it pushed. */
export type LuaMethod<T> = (self: T, L: FengariState) => number;

/** What Lua code sees of a kind of JavaScript object. */
export interface LuaClass<T> {
  readonly name: string;
  readonly methods: Readonly<Record<string, LuaMethod<T>>>;
  /** What `pairs(object)` walks; left out = it cannot be walked. */
  readonly pairs?: (self: T, L: FengariState) => number;
  readonly length?: (self: T) => number;
}

/** Objects live as long as the code that made them runs; a script that keeps one for later gets an error. */
export interface Scope {
  alive: boolean;
}

/** Pushes an object for Lua code. */
export function pushObject<T extends object>(
  L: FengariState,
  type: LuaClass<T>,
  object: T,
  scope: Scope,
): void {
  const data = lua.lua_newuserdata(L, 0);
  data['self'] = object;
  data['scope'] = scope;
  if (lauxlib.luaL_newmetatable(L, luaBytes(`attache.${type.name}`))) fillMetatable(L, type);
  lua.lua_setmetatable(L, -2);
}

function fillMetatable<T extends object>(L: FengariState, type: LuaClass<T>): void {
  lua.lua_newtable(L);
  for (const [name, method] of Object.entries(type.methods)) {
    lua.lua_pushcfunction(L, (l) => method(selfOf(l, type), l));
    lua.lua_setfield(L, -2, luaBytes(name));
  }
  lua.lua_setfield(L, -2, luaBytes('__index'));
  const { pairs, length } = type;
  if (pairs !== undefined) {
    lua.lua_pushcfunction(L, (l) => pairs(selfOf(l, type), l));
    lua.lua_setfield(L, -2, luaBytes('__pairs'));
  }
  if (length !== undefined) {
    lua.lua_pushcfunction(L, (l) => {
      lua.lua_pushinteger(l, length(selfOf(l, type)));
      return 1;
    });
    lua.lua_setfield(L, -2, luaBytes('__len'));
  }
}

function selfOf<T extends object>(L: FengariState, type: LuaClass<T>): T {
  const data = lauxlib.luaL_testudata(L, 1, luaBytes(`attache.${type.name}`));
  if (data === null) return fail(L, `bad argument #1 (${type.name} expected; call it with a colon)`);
  return (data['scope'] as Scope).alive
    ? (data['self'] as T)
    : fail(L, 'object used outside of proper scope');
}

function fail(L: FengariState, message: string): never {
  luaFail(L, message);
  throw new Error('a Lua error returned');
}

/** Pushes an iterator over entries, for `__pairs`: each step pushes what `push` does with the next one. */
export function pushIterator<E>(
  L: FengariState,
  entries: readonly E[],
  push: (L: FengariState, entry: E) => void,
): number {
  let at = 0;
  lua.lua_pushcfunction(L, (l) => {
    const entry = entries[at++];
    if (entry === undefined) {
      lua.lua_pushnil(l);
      return 1;
    }
    push(l, entry);
    return 2;
  });
  return 1;
}
