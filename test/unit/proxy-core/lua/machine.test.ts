import { describe, expect, it } from 'vitest';
import { lua } from '../../../../proxy-core/lua/fengari.ts';
import { LuaError, LuaMachine, LuaThread } from '../../../../proxy-core/lua/machine.ts';
import { pushValue, readValue } from '../../../../proxy-core/lua/values.ts';

/** What an expression is in a new machine. */
function evaluated(expression: string, before = ''): unknown {
  const machine = new LuaMachine(`${before}\nfunction f() result = ${expression} end`);
  new LuaThread(machine).start(machine.functionNamed('f') ?? -1, () => 0);
  lua.lua_getglobal(machine.state, Buffer.from('result'));
  return readValue(machine.state, -1);
}

describe('LuaMachine', () => {
  it.each([
    ['tostring(10 / 2)', '5'],
    ['"n" .. 3 * 1.0', 'n3'],
    ['unpack({ 7, 8 })', 7],
    ['bit.band(0xff, 0x0f)', 15],
    ['bit.bnot(0)', -1],
    ['bit.lshift(1, 31)', -2147483648],
    ['bit.rshift(-1, 28)', 15],
    ['bit.arshift(-8, 1)', -4],
    ['bit.rol(0x12345678, 8) == 0x34567812', true],
    ['bit.bswap(0x12345678) == 0x78563412', true],
    ['bit.tohex(255, 4)', '00ff'],
    ['math.pow(2, 10)', 1024],
    ['table.getn({ 1, 2, 3 })', 3],
    ['loadstring("return 4")()', 4],
    ['type(os.time())', 'number'],
    ['string.format("%05.1f|%s", 3.14159, "x")', '003.1|x'],
    ['({ pcall(error, "x") })[2]', 'x'],
  ])('knows what scripts for LuaJIT use: %s', (expression, expected) => {
    expect(evaluated(expression)).toBe(expected);
  });

  it.each([
    'io',
    'require',
    'package',
    'dofile',
    'loadfile',
    'debug',
    'os.execute',
    'os.getenv',
    'os.remove',
  ])('has no %s', (name) => expect(evaluated(`type(${name})`)).toBe('nil'));

  it('keeps globals from run to run', () => {
    const machine = new LuaMachine('n = 0 function f() n = n + 1 end');
    const run = () => new LuaThread(machine).start(machine.functionNamed('f') ?? -1, () => 0);
    run();
    run();
    lua.lua_getglobal(machine.state, Buffer.from('n'));
    expect(readValue(machine.state, -1)).toBe(2);
  });

  it.each([
    ['function (', '[string "function ("]:1: <name> expected near \'(\''],
    ['error("at once")', '[string "error("at once")"]:1: at once'],
    ['coroutine.yield()', 'the script yields outside of its functions'],
    ['while true do end', 'the script runs for too long without a pause'],
  ])('refuses %s', (code, message) => {
    expect(() => new LuaMachine(code)).toThrow(LuaError);
    expect(() => new LuaMachine(code)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(message) }),
    );
  });

  it('ends an endless loop of a function, and the machine goes on', () => {
    const machine = new LuaMachine('function f() while true do end end function g() end');
    const run = (name: string) => new LuaThread(machine).start(machine.functionNamed(name) ?? -1, () => 0);
    expect(() => run('f')).toThrow('too long');
    expect(run('g')).toBe('finished');
  });

  it.each([[null], [true], [3], [1.5], ['text'], [[1, 'two', [3]]], [{ a: { b: [1] }, c: 'd' }]])(
    'carries %j there and back',
    (value) => {
      const { state } = new LuaMachine('');
      pushValue(state, value);
      expect(readValue(state, -1)).toEqual(value);
    },
  );
});
