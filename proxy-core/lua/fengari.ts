/** The way to fengari for everyone: its modules import each other in a circle and must be entered in this order. */
import './numbers.ts';
import core from 'fengari/src/fengaricore.js';
import lauxlib from 'fengari/src/lauxlib.js';
import lua from 'fengari/src/lua.js';
import lualib from 'fengari/src/lualib.js';

export { lauxlib, lua, lualib };

/** Read here because fengari calls itself free of side effects: a bundler leaves out an import that nobody uses. */
export const FENGARI_RELEASE: string = core.FENGARI_RELEASE;
