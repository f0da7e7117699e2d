/** Scripts that try to leave a trace in the interpreter, made at random. */
import type { SeededRandom } from './random.js';

const LIBRARIES = [
  ...['redis', 'server', 'string', 'table', 'math', 'cjson', 'cmsgpack', 'bit', 'struct', 'os', 'coroutine', '_G'],
];
/** Functions that a script finds, as it calls them. */
const FUNCTIONS = [
  ...['rawset', 'rawget', 'rawequal', 'next', 'pairs', 'ipairs', 'setmetatable', 'getmetatable', 'setfenv', 'getfenv'],
  ...['load', 'loadstring', 'newproxy', 'collectgarbage', 'error', 'pcall', 'xpcall', 'select', 'unpack', 'assert'],
  ...['tostring', 'tonumber', 'type', 'gcinfo', 'table.insert', 'table.remove', 'table.sort', 'table.concat'],
  ...['table.foreach', 'table.foreachi', 'table.setn', 'table.getn', 'table.maxn', 'string.gsub', 'string.dump'],
  ...['string.format', 'string.byte', 'string.char', 'string.find', 'string.gmatch', 'string.rep', 'string.sub'],
  ...['coroutine.wrap', 'coroutine.create', 'coroutine.resume', 'coroutine.status', 'coroutine.running'],
  ...['coroutine.yield', 'math.random', 'math.randomseed', 'math.max', 'redis.call', 'redis.pcall', 'redis.setresp'],
  ...['redis.error_reply', 'redis.status_reply', 'redis.sha1hex', 'redis.log', 'redis.set_repl', 'redis.debug'],
  ...['cjson.encode', 'cjson.decode', 'cjson.new', 'cjson.encode_max_depth', 'cjson.decode_max_depth'],
  ...['cjson.encode_sparse_array', 'cjson.encode_number_precision', 'cjson.encode_invalid_numbers'],
  ...['cjson.decode_invalid_numbers', 'cmsgpack.pack', 'cmsgpack.unpack', 'struct.pack', 'struct.unpack', 'bit.band'],
  ...['redis.register_function', 'os.clock'],
];
const FIELDS = ['call', 'byte', 'insert', 'x', '__index', '__newindex', '__gc', '__metatable', '__mode', 'null', '_G'];
const WORDS = [
  ...['"x"', '"call"', '"ok"', '"setpause"', '"stop"', '"step"', '"n"', '"\\27Lua"', '""', '"#"', '"return x"', '"%1"'],
  ...['"redis.call = 1"', '"_G.x = 1"', '"string.x = 1"', '"."', '"{\\"a\\":1}"', '"[1]"', '"null"', '"on"'],
];
const NUMBERS = ['0', '1', '2', '3', '-1', '0.5', '7', '"1"', '"0"', '1/0', '0/0'];

/** One generator: the same random numbers make the same scripts. */
export class Attacks {
  private readonly random: SeededRandom;

  constructor(random: SeededRandom) {
    this.random = random;
  }

  /** A script of a few statements. */
  script(): string {
    const statements = Array.from({ length: this.random.between(1, 4) }, () => this.statement(3));
    return `local a, b, c, d\n${statements.join('\n')}\nreturn 'end'`;
  }

  /** Something that a script shares with others, or that leads there. */
  private target(depth: number): string {
    const { random } = this;
    const library = random.pick(LIBRARIES);
    if (depth <= 0 || random.chance(0.3)) return library;
    const inner = this.target(depth - 1);
    return random.pick([
      () => `(select(2, pairs(${inner})))`,
      () => `(select(2, ipairs(${inner})))`,
      () => `(pairs(${inner}))`,
      () => `getmetatable(${inner})`,
      () => 'getmetatable("")',
      () => `getmetatable(getmetatable(${inner}))`,
      () => `${inner}.${random.pick(FIELDS)}`,
      () => `rawget(${inner}, "${library}")`,
      () => `(select(2, next(${inner})))`,
      () => `getfenv(${random.pick([...NUMBERS, ...FUNCTIONS])})`,
      () => `coroutine.wrap(function() return ${inner} end)()`,
      () => `(select(2, pcall(function() return ${inner} end)))`,
      () => `(select(2, xpcall(function() error(${inner}) end, function(e) return e end)))`,
      () => `loadstring("return ${library}")()`,
      () => `getfenv(loadstring("return 1"))`,
      () => `setmetatable({}, {__index = ${inner}})`,
      () => `setfenv(function() return ${library} end, ${inner})()`,
      () => `getmetatable(newproxy(true))`,
      () => `cjson.new()`,
      () => random.pick(['a', 'b', 'c', 'd']),
    ])();
  }

  private callable(depth: number): string {
    const { random } = this;
    return random.pick([
      () => random.pick(FUNCTIONS),
      () => random.pick(FUNCTIONS),
      () => `function(p, q, r) ${depth > 0 ? this.statement(depth - 1) : ''} return p end`,
      () => `function(p, q, r) ${depth > 0 ? this.write(random.pick(['p', 'q', 'r']), depth - 1) : ''} end`,
      () => `getmetatable(_G).__index`,
    ])();
  }

  private value(depth: number): string {
    const { random } = this;
    return random.pick([
      () => this.target(depth - 1),
      () => this.target(depth - 1),
      () => random.pick(WORDS),
      () => random.pick(NUMBERS),
      () => 'nil',
      () => 'true',
      () => `{${depth > 0 ? this.value(depth - 1) : ''}}`,
      () => (depth > 0 ? this.callable(depth - 1) : 'print'),
      () => `{${random.pick(FIELDS)} = ${depth > 0 ? this.callable(depth - 1) : 'rawset'}}`,
      () => random.pick(['a', 'b', 'c', 'd']),
    ])();
  }

  private write(target: string, depth: number): string {
    const { random } = this;
    const value = this.value(depth - 1);
    const field = random.pick(FIELDS);
    return random.pick([
      () => `local t = ${target} if t then t.${field} = ${value} end`,
      () => `rawset(${target}, "${field}", ${value})`,
      () => `table.insert(${target}, ${value})`,
      () => `table.insert(${target}, 1, ${value})`,
      () => `table.remove(${target})`,
      () => `table.sort(${target}, function() return true end)`,
      () => `setmetatable(${target}, {${field} = ${value}})`,
      () => `setmetatable({}, {__newindex = ${target}}).${field} = ${value}`,
      () => `setmetatable({}, {__newindex = ${random.pick(FUNCTIONS)}})[${target}] = ${value}`,
      () => `setmetatable({}, {__call = ${random.pick(FUNCTIONS)}})(${target}, ${value})`,
      () => `setfenv(${random.pick([...NUMBERS, ...FUNCTIONS, 'function() x = 1 end'])}, ${target})`,
      () => `for k, v in pairs(${target}) do pcall(rawset, v, "${field}", 1) pcall(setfenv, v, {}) end`,
      () => `for k, v in next, ${target} do pcall(table.insert, v, 1) pcall(rawset, k, 1, 1) end`,
      () => `table.foreach(${target}, function(k, v) v.${field} = 1 end)`,
      () => `loadstring("local t = ... t.${field} = 1")(${target})`,
      () => `setfenv(loadstring("${field} = 1"), ${target})()`,
      () => `string.gsub("call x", "%w+", ${target})`,
      () => `error(${target})`,
      () => `${field} = ${value}`,
    ])();
  }

  private statement(depth: number): string {
    const { random } = this;
    const attempt = random.pick([
      () => this.write(this.target(depth), depth),
      () => this.write(this.target(depth), depth),
      () => {
        const args = Array.from({ length: random.between(0, 4) }, () => this.value(depth - 1));
        return `${random.pick(['a', 'b', 'c', 'd'])} = ${random.pick(FUNCTIONS)}(${args.join(', ')})`;
      },
      () => `${random.pick(['a, b', 'c, d', 'b, a'])} = pairs(${this.target(depth)})`,
      () => `${random.pick(['a', 'b', 'c', 'd'])} = ${this.target(depth)}`,
      () => `a = newproxy(true) getmetatable(a).__gc = ${this.callable(depth - 1)} a = nil collectgarbage()`,
      () => `coroutine.wrap(${this.callable(depth - 1)})(${this.value(depth - 1)}, ${this.value(depth - 1)})`,
      () => `xpcall(${this.callable(depth - 1)}, ${this.callable(depth - 1)})`,
    ])();
    // The last statement of a script may end it with an error.
    return random.chance(0.85) ? `pcall(function() ${attempt} end)` : `do ${attempt} end`;
  }
}
