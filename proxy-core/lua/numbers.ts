/** Imported before fengari: floats with a whole value are written without `.0`, as LuaJIT's numbers are. */
process.env['FENGARICONF'] = JSON.stringify({ LUA_COMPAT_FLOATSTRING: true });
