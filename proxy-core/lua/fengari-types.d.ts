/** The part of fengari (Lua 5.3 in JavaScript, C API and all) that is used here. Strings are bytes. */
interface FengariState {
  readonly fengariState: unique symbol;
}
type FengariFunction = (L: FengariState) => number;
type FengariBytes = Uint8Array;

declare module 'fengari/src/lua.js' {
  const lua: {
    readonly LUA_OK: number;
    readonly LUA_YIELD: number;
    readonly LUA_MASKCOUNT: number;
    readonly LUA_REGISTRYINDEX: number;
    readonly LUA_TNIL: number;
    readonly LUA_TBOOLEAN: number;
    readonly LUA_TNUMBER: number;
    readonly LUA_TSTRING: number;
    readonly LUA_TTABLE: number;
    readonly LUA_TFUNCTION: number;
    readonly LUA_TUSERDATA: number;
    lua_upvalueindex(index: number): number;
    lua_absindex(L: FengariState, index: number): number;
    lua_getfield(L: FengariState, index: number, key: FengariBytes): number;
    lua_getglobal(L: FengariState, name: FengariBytes): number;
    lua_gettop(L: FengariState): number;
    lua_isinteger(L: FengariState, index: number): boolean;
    lua_next(L: FengariState, index: number): number;
    lua_newtable(L: FengariState): void;
    lua_newthread(L: FengariState): FengariState;
    lua_newuserdata(L: FengariState, size: number): Record<string, unknown>;
    lua_pop(L: FengariState, count: number): void;
    lua_pushboolean(L: FengariState, value: boolean): void;
    lua_pushcclosure(L: FengariState, fn: FengariFunction, upvalues: number): void;
    lua_pushcfunction(L: FengariState, fn: FengariFunction): void;
    lua_pushinteger(L: FengariState, value: number): void;
    lua_pushnil(L: FengariState): void;
    lua_pushnumber(L: FengariState, value: number): void;
    lua_pushstring(L: FengariState, value: FengariBytes): void;
    lua_pushvalue(L: FengariState, index: number): void;
    lua_rawgeti(L: FengariState, index: number, key: number): number;
    lua_rawseti(L: FengariState, index: number, key: number): void;
    lua_rawlen(L: FengariState, index: number): number;
    lua_remove(L: FengariState, index: number): void;
    lua_resume(L: FengariState, from: FengariState | null, args: number): number;
    lua_setfield(L: FengariState, index: number, key: FengariBytes): void;
    lua_setglobal(L: FengariState, name: FengariBytes): void;
    lua_sethook(L: FengariState, hook: FengariFunction | null, mask: number, count: number): void;
    lua_setmetatable(L: FengariState, index: number): void;
    lua_settop(L: FengariState, index: number): void;
    lua_toboolean(L: FengariState, index: number): boolean;
    lua_tonumber(L: FengariState, index: number): number;
    lua_tostring(L: FengariState, index: number): FengariBytes | null;
    lua_touserdata(L: FengariState, index: number): Record<string, unknown> | null;
    lua_type(L: FengariState, index: number): number;
    lua_xmove(from: FengariState, to: FengariState, count: number): void;
    lua_yield(L: FengariState, results: number): number;
  };
  // biome-ignore lint/style/noDefaultExport: what CommonJS exports
  export default lua;
}

declare module 'fengari/src/lauxlib.js' {
  const lauxlib: {
    luaL_checkinteger(L: FengariState, argument: number): number;
    luaL_checkstring(L: FengariState, argument: number): FengariBytes;
    luaL_checktype(L: FengariState, argument: number, type: number): void;
    luaL_error(L: FengariState, message: FengariBytes): number;
    luaL_getmetatable(L: FengariState, name: FengariBytes): number;
    luaL_loadbuffer(L: FengariState, code: FengariBytes, size: number, name: FengariBytes): number;
    luaL_newmetatable(L: FengariState, name: FengariBytes): boolean;
    luaL_newstate(): FengariState;
    luaL_optinteger(L: FengariState, argument: number, otherwise: number): number;
    luaL_ref(L: FengariState, index: number): number;
    luaL_requiref(L: FengariState, name: FengariBytes, open: FengariFunction, global: number): void;
    luaL_testudata(L: FengariState, argument: number, name: FengariBytes): Record<string, unknown> | null;
  };
  // biome-ignore lint/style/noDefaultExport: what CommonJS exports
  export default lauxlib;
}

declare module 'fengari/src/lualib.js' {
  const library: {
    readonly luaopen_base: FengariFunction;
    readonly luaopen_string: FengariFunction;
    readonly luaopen_table: FengariFunction;
    readonly luaopen_math: FengariFunction;
    readonly luaopen_coroutine: FengariFunction;
  };
  // biome-ignore lint/style/noDefaultExport: what CommonJS exports
  export default library;
}

declare module 'fengari/src/fengaricore.js' {
  const core: { readonly FENGARI_RELEASE: string };
  // biome-ignore lint/style/noDefaultExport: what CommonJS exports
  export default core;
}
