import { beforeAll, describe, expect, it } from 'vitest';
import { LuaVm } from '../../../src/shard/script/lua/lua-vm.js';
import { SeededRandom } from '../../harness/random.js';
import { Attacks } from '../../harness/sandbox-attacks.js';
import { SandboxState } from '../../harness/sandbox-state.js';

const SEED = Number(process.env['SANDBOX_SEED'] ?? Date.now() % 1_000_000);
const RUNS = Number(process.env['SANDBOX_RUNS'] ?? 3000);

let state: SandboxState;
beforeAll(async () => {
  state = await SandboxState.create();
});

/** Runs `code` and expects that nothing is left of it. */
function leavesNothing(code: string, as: 'script' | 'library' | 'function' = 'script'): string {
  const text = state.run(code, as);
  expect(text, code).not.toMatch(/^LEFT/);
  expect(state.changes(), code).toBe('');
  return text;
}

describe('a script leaves nothing for the next one (#11)', () => {
  it('the watch sees everything, and sees a change', async () => {
    const other = await SandboxState.create();
    expect(other.size).toBeGreaterThan(150);
    const { vm } = other;
    vm.load(Buffer.from('string.x = 1'), '@outside');
    vm.call(0, 0, 0);
    expect(other.changes()).toContain('.x');
  });

  it.each([
    "local _, r = pairs(redis) r.call = function() return 'hijacked' end",
    'local _, t = pairs(string) t.byte = function() return 0 end',
    'local _, t = ipairs(table) t.insert = nil',
    'local f, t, k = pairs(_G) rawset(t, "x", 1)',
    'for k, v in pairs(_G) do if type(v) == "table" then table.insert(v, 1) end end',
    'table.insert(redis, "x")',
    'table.insert(redis, 1, "x")',
    'pcall(table.insert, _G, "x")',
    'rawset(redis, "call", 1)',
    'rawset(getmetatable(_G), "__index", nil)',
    'getmetatable("").__index = nil',
    'rawset(getmetatable(""), "__add", print)',
    'error(redis)',
    'error(_G)',
    'coroutine.wrap(function() error(string) end)()',
    'setfenv(1, {})',
    'setfenv(1, {redis = redis}) x = 1',
    'local f = function() setfenv(2, {}) end f()',
    'setfenv(0, {})',
    'setfenv(pcall, {})',
    'setfenv(newproxy, {})',
    'setfenv(getmetatable(_G).__index, {})',
    'getfenv(0).x = 1',
    'getfenv(redis.call).x = 1',
    'coroutine.wrap(function() getfenv(0).x = 1 end)()',
    'collectgarbage("stop")',
    'collectgarbage("setpause", 1000)',
    'collectgarbage("setstepmul", 1000)',
    'setmetatable({}, {__newindex = rawset})[1] = 2',
    'setmetatable({}, {__newindex = redis}).call = 1',
    'table.foreach(_G, function(k, v) rawset(v, 1, 1) end)',
    'string.gsub("redis", "%w+", function(k) _G[k] = 1 end)',
  ])('%s', (code) => {
    for (const as of ['script', 'function', 'library'] as const) leavesNothing(code, as);
  });

  it('settings of cjson and the seed of math.random end with the script', () => {
    const before = leavesNothing('return cjson.encode({1.23456789012345})');
    leavesNothing('cjson.encode_number_precision(3) cjson.encode_sparse_array(true, 1, 1) cjson.encode_max_depth(1)');
    expect(leavesNothing('return cjson.encode({1.23456789012345})')).toBe(before);
    expect(leavesNothing('return cjson.encode({{{[1] = 1}}})')).toBe('[[[1]]]');
    const draw = 'return math.random() .. " " .. math.random()';
    const seeded = leavesNothing(`math.randomseed(10) ${draw}`);
    expect(seeded).toBe('0.87885112309775 0.7958066229689');
    expect(leavesNothing(`math.randomseed(10) ${draw}`)).toBe(seeded);
    expect(leavesNothing(draw)).not.toBe(leavesNothing(draw));
  });

  it('a copy of cjson has settings of its own and is garbage when it is not used', () => {
    const code = `local a, b = cjson.new(), cjson.new()
      a.encode_number_precision(3)
      return a.encode(1.23456) .. ' ' .. b.encode(1.23456) .. ' ' .. cjson.encode(1.23456)`;
    expect(leavesNothing(code)).toBe('1.23 1.23456 1.23456');
    const grown = () => Number(leavesNothing('collectgarbage() return collectgarbage("count")'));
    const before = grown();
    leavesNothing('for i = 1, 1000 do cjson.new() end');
    expect(grown() - before).toBeLessThan(50);
  });

  it('no finaliser of a script is ever called', () => {
    const code = `local p = newproxy(true)
      local seen = 0
      getmetatable(p).__gc = function() seen = seen + 1 end
      rawset(getmetatable(p), '__gc', function() seen = seen + 1 end)
      local q = newproxy(p)
      p, q = nil, nil
      collectgarbage() collectgarbage()
      return seen`;
    expect(leavesNothing(code)).toBe('0');
    // Without its __metatable, a metatable would come out itself.
    const bared = `local seen = 0
      for _, hidden in ipairs({0, false, 'x', {}}) do
        for _, write in ipairs({rawset, function(t, k, v) t[k] = v end}) do
          local p = newproxy(true)
          local front = getmetatable(p)
          if hidden ~= 0 then pcall(write, front, '__metatable', hidden) end
          pcall(write, front, '__metatable', nil)
          for _, at in ipairs({p, newproxy(p)}) do
            pcall(write, getmetatable(at), '__gc', function() seen = seen + 1 end)
          end
        end
      end
      collectgarbage() collectgarbage()
      return seen`;
    for (const as of ['script', 'function'] as const) expect(leavesNothing(bared, as)).toBe('0');
    const uses = `local p = newproxy(true)
      getmetatable(p).__index = {a = 'b'}
      getmetatable(p).__len = function() return 3 end
      return p.a .. #newproxy(p)`;
    expect(leavesNothing(uses)).toBe('b3');
  });

  it('the collector goes on whatever a script asks', () => {
    const code = `collectgarbage('stop')
      local text = string.rep('x', 10000)
      for i = 1, 2000 do local s = text .. i end
      return collectgarbage('count')`;
    expect(Number(leavesNothing(code))).toBeLessThan(10_000);
  });

  it(`${RUNS} generated attempts leave nothing (SANDBOX_SEED=${SEED})`, { timeout: 3_600_000 }, () => {
    const attacks = new Attacks(new SeededRandom(SEED));
    const kinds = ['script', 'script', 'function', 'library'] as const;
    let ended = 0;
    for (let i = 0; i < RUNS; i++) {
      const code = attacks.script();
      const text = state.run(code, kinds[i % kinds.length]!);
      const changes = text.startsWith('LEFT') ? text : state.changes();
      if (changes !== '') throw new Error(`attempt ${i} of SANDBOX_SEED=${SEED}: ${changes}\n${code}`);
      if (text === 'end') ended++;
    }
    // Most of them are valid and reach their end.
    expect(ended).toBeGreaterThan(RUNS / 4);
  });
});

describe('the module of the interpreter reaches nothing of the system (#11)', () => {
  it('files, programs, the environment and the end of the process fail, even before the sandbox is there', async () => {
    const vm = await LuaVm.create();
    const run = (code: string): string => {
      expect(vm.load(Buffer.from(code), '@x'), code).toBe(true);
      const returned = vm.call(0, 1, 0);
      const text = returned ? vm.text(-1) : `error: ${vm.text(-1)}`;
      vm.pop(1);
      return text;
    };
    expect(run("return os.execute('true')")).toBe('-1');
    for (const code of [
      'return tostring(io.open("/etc/hostname"))',
      'return tostring(io.open("/tmp/sherd-sandbox", "w"))',
      'return tostring(os.remove("/tmp/sherd-sandbox"))',
      'return tostring(os.rename("/tmp/sherd-sandbox", "/tmp/sherd-sandbox-2"))',
      'return tostring(os.getenv("PATH"))',
      'return tostring(io.read(1))',
    ]) {
      expect(run(code), code).toBe('nil');
    }
    expect(() => run('os.exit(1)')).toThrow('given up');
  });
});

describe('only text is compiled (#11)', () => {
  it.each([
    'return tostring(loadstring(string.dump(function() return 1 end)))',
    'return tostring(loadstring("\\27Lua"))',
    'local s = string.dump(function() return 1 end) local n = 0' +
      ' return tostring(load(function() n = n + 1 return n == 1 and s or nil end))',
    'local s = string.dump(function() return 1 end) local n = 0' +
      ' return tostring(load(function() n = n + 1 return n <= #s and s:sub(n, n) or nil end))',
  ])('%s', (code) => {
    expect(leavesNothing(code)).toBe('nil');
  });

  it('a script that is a compiled chunk is refused with the message of Redis', () => {
    expect(state.run('\x1bLuaQ', 'script')).toBe("user_script:1: unexpected symbol near 'char(27)'");
    expect(leavesNothing("return (select(2, loadstring('\\27Lua')))")).toMatch(/unexpected symbol near 'char\(27\)'$/);
    expect(leavesNothing('local n = 0 return load(function() n = n + 1 return ({"return", " 7"})[n] end)()')).toBe('7');
  });
});
