import { fromLuaBytes, luaBytes } from './bytes.ts';
import { DIALECT } from './dialect.ts';
import { lauxlib, lua, lualib } from './fengari.ts';

/** Instructions that a script may run without a pause; more is an endless loop. */
const MOST_INSTRUCTIONS = 5_000_000;
const CHUNK = 100_000;

/** A Lua error, with Lua's own message. */
export class LuaError extends Error {
  override readonly name = 'LuaError';
}

/**
 * One script in a Lua of its own: without files, processes and modules, and with an end to endless loops. Its globals
 * last from request to request, as they do in a worker of Envoy's.
 */
export class LuaMachine {
  readonly state: FengariState;

  /** Loads and runs the script, which defines its functions. Throws LuaError. */
  constructor(code: string) {
    const L = lauxlib.luaL_newstate();
    this.state = L;
    for (const [name, open] of [
      ['_G', lualib.luaopen_base],
      ['string', lualib.luaopen_string],
      ['table', lualib.luaopen_table],
      ['math', lualib.luaopen_math],
      ['coroutine', lualib.luaopen_coroutine],
    ] as const) {
      lauxlib.luaL_requiref(L, luaBytes(name), open, 1);
      lua.lua_pop(L, 1);
    }
    lua.lua_pushcfunction(L, (l) => {
      lua.lua_pushnumber(l, performance.now() / 1000);
      return 1;
    });
    lua.lua_setglobal(L, luaBytes('__clock'));
    lua.lua_pushcfunction(L, (l) => {
      lua.lua_pushinteger(l, Math.floor(Date.now() / 1000));
      return 1;
    });
    lua.lua_setglobal(L, luaBytes('__time'));
    this.run(DIALECT, '=dialect');
    this.run(code, code);
  }

  /** A reference to a global function, or null when the script has none of that name. */
  functionNamed(name: string): number | null {
    const L = this.state;
    if (lua.lua_getglobal(L, luaBytes(name)) !== lua.LUA_TFUNCTION) {
      lua.lua_pop(L, 1);
      return null;
    }
    return lauxlib.luaL_ref(L, lua.LUA_REGISTRYINDEX);
  }

  private run(code: string, name: string): void {
    const bytes = luaBytes(code);
    const L = this.state;
    if (lauxlib.luaL_loadbuffer(L, bytes, bytes.length, luaBytes(name)) !== lua.LUA_OK) throw errorOn(L);
    const thread = new LuaThread(this);
    lua.lua_xmove(L, thread.state, 1);
    if (thread.resume(0) === 'yielded') throw new LuaError('the script yields outside of its functions');
  }
}

/** A coroutine of a machine. */
export class LuaThread {
  readonly state: FengariState;

  constructor(private readonly machine: LuaMachine) {
    this.state = lua.lua_newthread(machine.state);
    // The thread is held by this object; the machine's stack need not.
    lua.lua_pop(machine.state, 1);
  }

  /** Starts a function of the machine; `push` puts its arguments on the stack and says how many. Throws LuaError. */
  start(reference: number, push: (L: FengariState) => number): 'finished' | 'yielded' {
    lua.lua_rawgeti(this.state, lua.LUA_REGISTRYINDEX, reference);
    return this.resume(push(this.state));
  }

  /** Goes on with values that are on the stack. Throws LuaError. */
  resume(values: number): 'finished' | 'yielded' {
    const L = this.state;
    let chunks = 0;
    const hook = (l: FengariState): number => {
      if (++chunks * CHUNK < MOST_INSTRUCTIONS) return 0;
      return lauxlib.luaL_error(l, luaBytes('the script runs for too long without a pause'));
    };
    lua.lua_sethook(L, hook, lua.LUA_MASKCOUNT, CHUNK);
    const status = lua.lua_resume(L, this.machine.state, values);
    if (status === lua.LUA_YIELD) return 'yielded';
    if (status !== lua.LUA_OK) throw errorOn(L);
    lua.lua_settop(L, 0);
    return 'finished';
  }
}

function errorOn(L: FengariState): LuaError {
  const message = lua.lua_tostring(L, -1);
  lua.lua_pop(L, 1);
  return new LuaError(message === null ? 'unknown error' : fromLuaBytes(message));
}
