/**
 * What LuaJIT (Lua 5.1) has and Lua 5.3 has not, written in Lua. Run once in each new machine, before the sandbox takes
 * away what reaches the file system.
 */
export const DIALECT = `
unpack = table.unpack
loadstring = load
math.pow = function(x, y) return x ^ y end
math.mod = math.fmod
table.getn = function(t) return #t end
table.maxn = function(t)
  local most = 0
  for key in pairs(t) do if type(key) == 'number' and key > most then most = key end end
  return most
end
string.gfind = string.gmatch
local function signed(x)
  x = x & 0xffffffff
  return x >= 0x80000000 and x - 0x100000000 or x
end
local function whole(x) return math.floor(x) & 0xffffffff end
bit = {
  tobit = function(x) return signed(whole(x)) end,
  bnot = function(x) return signed(~whole(x)) end,
  band = function(x, ...) x = whole(x) for _, y in ipairs({...}) do x = x & whole(y) end return signed(x) end,
  bor = function(x, ...) x = whole(x) for _, y in ipairs({...}) do x = x | whole(y) end return signed(x) end,
  bxor = function(x, ...) x = whole(x) for _, y in ipairs({...}) do x = x ~ whole(y) end return signed(x) end,
  lshift = function(x, n) return signed(whole(x) << (n & 31)) end,
  rshift = function(x, n) return signed(whole(x) >> (n & 31)) end,
  arshift = function(x, n) return signed(math.floor(signed(whole(x)) / 2 ^ (n & 31))) end,
  rol = function(x, n) n = n & 31 x = whole(x) return signed((x << n) | (x >> (32 - n))) end,
  ror = function(x, n) n = n & 31 x = whole(x) return signed((x >> n) | (x << (32 - n))) end,
  bswap = function(x)
    x = whole(x)
    return signed(((x & 0xff) << 24) | ((x & 0xff00) << 8) | ((x >> 8) & 0xff00) | (x >> 24))
  end,
  tohex = function(x, n) return string.format('%0' .. (n or 8) .. 'x', whole(x)):sub(-(n or 8)) end,
}
os = { clock = __clock, time = __time }
__clock, __time = nil, nil
dofile, loadfile, require, package, io, debug, collectgarbage = nil, nil, nil, nil, nil, nil, nil
`;
