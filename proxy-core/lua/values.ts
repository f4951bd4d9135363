import { fromLuaBytes, luaBytes } from './bytes.ts';
import { lauxlib, lua } from './fengari.ts';

/** Ends the running function with an error of the script's; never returns. */
export function luaFail(L: FengariState, message: string): number {
  return lauxlib.luaL_error(L, luaBytes(message));
}

/** Pushes a JSON-like value; strings must hold bytes. */
export function pushValue(L: FengariState, value: unknown): void {
  if (value === null || value === undefined) lua.lua_pushnil(L);
  else if (typeof value === 'boolean') lua.lua_pushboolean(L, value);
  else if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) lua.lua_pushinteger(L, value);
    else lua.lua_pushnumber(L, value);
  } else if (typeof value === 'string') pushText(L, value);
  else if (Array.isArray(value)) {
    lua.lua_newtable(L);
    value.forEach((item, i) => {
      pushValue(L, item);
      lua.lua_rawseti(L, -2, i + 1);
    });
  } else {
    lua.lua_newtable(L);
    for (const [key, item] of Object.entries(value as Record<string, unknown>)) {
      pushValue(L, item);
      lua.lua_setfield(L, -2, luaBytes(key));
    }
  }
}

export function pushText(L: FengariState, text: string): void {
  lua.lua_pushstring(L, luaBytes(text));
}

export function isNil(L: FengariState, index: number): boolean {
  return lua.lua_type(L, index) <= lua.LUA_TNIL;
}

export function checkText(L: FengariState, index: number): string {
  return fromLuaBytes(lauxlib.luaL_checkstring(L, index));
}

/** A JSON-like value from the stack. Tables with only the keys 1…n are lists; functions and objects become null. */
export function readValue(L: FengariState, at: number, depth = 0): unknown {
  const index = lua.lua_absindex(L, at);
  switch (lua.lua_type(L, index)) {
    case lua.LUA_TBOOLEAN:
      return lua.lua_toboolean(L, index);
    case lua.LUA_TNUMBER:
      return lua.lua_tonumber(L, index);
    case lua.LUA_TSTRING:
      return fromLuaBytes(lua.lua_tostring(L, index) ?? new Uint8Array(0));
    case lua.LUA_TTABLE:
      return depth > 32 ? null : readTable(L, index, depth);
    default:
      return null;
  }
}

function readTable(L: FengariState, index: number, depth: number): unknown {
  const entries: [unknown, unknown][] = [];
  lua.lua_pushnil(L);
  while (lua.lua_next(L, index) !== 0) {
    // A number must not be turned into a text in place: that would confuse the walk.
    lua.lua_pushvalue(L, -2);
    const key = readValue(L, -1, depth + 1);
    lua.lua_pop(L, 1);
    entries.push([key, readValue(L, -1, depth + 1)]);
    lua.lua_pop(L, 1);
  }
  const length = lua.lua_rawlen(L, index);
  if (length > 0 && length === entries.length) {
    return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, value]) => value);
  }
  return Object.fromEntries(entries.map(([key, value]) => [String(key), value]));
}

/** Name and value of each entry of a table of headers; a table as value gives one entry for each of its items. */
export function readPairs(L: FengariState, index: number): [name: string, value: string][] {
  const value = readValue(L, index);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, one]): [string, string][] =>
    Array.isArray(one) ? one.map((item) => [name, String(item)]) : [[name, String(one)]],
  );
}
