import type { CompileContext } from '../../../config/compile-context.ts';
import type { MessageReader } from '../../../config/reader.ts';
import { LuaError, LuaMachine } from '../../../lua/machine.ts';

/** A loaded script with its two hooks. */
export interface LuaScript {
  readonly machine: LuaMachine;
  readonly onRequest: number | null;
  readonly onResponse: number | null;
}

/** Loads a script; a mistake in it is Envoy's verdict, and null. */
export function loadScript(
  code: string,
  reader: MessageReader,
  field: string,
  ctx: CompileContext,
): LuaScript | null {
  try {
    // Lua reads bytes.
    const machine = new LuaMachine(Buffer.from(code).toString('latin1'));
    return {
      machine,
      onRequest: machine.functionNamed('envoy_on_request'),
      onResponse: machine.functionNamed('envoy_on_response'),
    };
  } catch (error) {
    if (!(error instanceof LuaError)) throw error;
    ctx.report('error', 'filter.lua-script', reader, field, `script load error: ${error.message}`);
    return null;
  }
}
