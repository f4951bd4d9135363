import { lauxlib, lua } from '../../../lua/fengari.ts';
import type { LuaClass } from '../../../lua/object.ts';
import { luaFail } from '../../../lua/values.ts';

/** A body, or a piece of it, as a script sees it. */
export interface LuaBody {
  bytes: Uint8Array;
  changed: boolean;
}

export const LUA_BODY: LuaClass<LuaBody> = {
  name: 'body',
  methods: {
    length: (body, L) => {
      lua.lua_pushinteger(L, body.bytes.length);
      return 1;
    },
    getBytes: (body, L) => {
      const index = lauxlib.luaL_checkinteger(L, 2);
      const length = lauxlib.luaL_checkinteger(L, 3);
      if (index < 0 || length < 0 || index + length > body.bytes.length) {
        luaFail(L, 'index/length must be >= 0 and (index + length) must be <= buffer size');
      }
      lua.lua_pushstring(L, body.bytes.slice(index, index + length));
      return 1;
    },
    setBytes: (body, L) => {
      body.bytes = Uint8Array.from(lauxlib.luaL_checkstring(L, 2));
      body.changed = true;
      lua.lua_pushinteger(L, body.bytes.length);
      return 1;
    },
  },
};
