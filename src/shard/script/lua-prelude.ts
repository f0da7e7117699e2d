/**
 * What scripts find when they begin: a table of globals that cannot be changed, without what reaches outside.
 *
 * Redis's Lua has read-only tables; this one has not, so a protected table is an empty one in front of the real one,
 * whose metatable refuses writes; `rawset`, `setmetatable` and their kin know these tables. Reading a global is one
 * table access more than in plain Lua, without a call.
 */

/**
 * Run once, with `redis`, the libraries and REGISTER_FUNCTION in the globals. Returns the environment of scripts, the
 * real globals, the environment of functions, the switch of its load-time globals, and the error handler.
 */
export const PRELUDE = `
local real = {}
local protected = setmetatable({}, {__mode = 'k'})
local raw_set, raw_get, set_meta, get_meta = rawset, rawget, setmetatable, getmetatable
local type, error, next, tostring, pairs, ipairs = type, error, next, tostring, pairs, ipairs
local set_env, get_env, getinfo = setfenv, getfenv, debug.getinfo
local READONLY = 'Attempt to modify a readonly table'

local function refuse() error(READONLY, 2) end

local function protect(t, missing)
  local front = newproxy and {} or {}
  set_meta(front, {__index = t, __newindex = refuse, __metatable = false})
  if missing then set_meta(t, {__index = missing}) end
  protected[front] = t
  return front
end

local register_function = __register_function
__register_function = nil

local allowed = {'xpcall', 'tostring', 'next', 'assert', 'tonumber', 'rawequal', 'collectgarbage', 'type', 'select',
  'unpack', 'gcinfo', 'loadstring', '_VERSION', 'load', 'error', 'newproxy', 'pcall'}
for _, name in ipairs(allowed) do real[name] = _G[name] end
for _, name in ipairs({'string', 'math', 'table', 'coroutine', 'redis', 'cjson', 'cmsgpack', 'bit', 'struct'}) do
  local lib = _G[name]
  if lib then
    if name == 'redis' then real.server = nil end
    real[name] = protect(lib)
  end
end
real.server = real.redis
real.os = protect({clock = os.clock})

local globals_meta = protect({})
function real.rawset(t, k, v)
  if protected[t] then error(READONLY, 2) end
  return raw_set(t, k, v)
end
function real.rawget(t, k)
  return raw_get(protected[t] or t, k)
end
function real.setmetatable(t, m)
  if protected[t] then error(READONLY, 0) end
  return set_meta(t, m)
end
function real.getmetatable(t)
  if protected[t] then return t == real._G and globals_meta or nil end
  if type(t) == 'string' then return real.string_meta end
  return get_meta(t)
end
real.string_meta = protect({__index = real.string})
function real.next(t, k) return next(protected[t] or t, k) end
function real.pairs(t)
  if protected[t] then return next, protected[t], nil end
  return pairs(t)
end
function real.ipairs(t) return ipairs(protected[t] or t) end

local function missing(_, name)
  error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end

-- While a library loads it sees a redis table that registers and logs, and nothing else.
local load_redis = {register_function = register_function}
for name, value in pairs(redis) do
  if name == 'log' or name:find('^LOG_') or name:find('^REDIS_VERSION') then load_redis[name] = value end
end
local load_front = protect(load_redis, missing)
local load_globals = set_meta({redis = load_front, server = load_front}, {__index = missing})
local function_meta = {__index = real, __newindex = refuse, __metatable = false}
local function_env = set_meta({}, function_meta)
protected[function_env] = real
local function load_switch(loading)
  function_meta.__index = loading and load_globals or real
end

local env = protect(real, missing)
real._G = env

function real.setfenv(f, t)
  if f == 0 or (type(f) == 'number' and f > 1) then error("'setfenv' cannot change environment of given object", 2) end
  if f == 1 then f = 2 end
  local ok = type(f) == 'function' and get_env(f) ~= _G or type(f) == 'number'
  if not ok then error("'setfenv' cannot change environment of given object", 2) end
  return set_env(f, t)
end
function real.getfenv(f)
  local e = get_env(type(f) == 'number' and f > 0 and f + 1 or f == nil and 2 or f)
  if e == _G then return env end
  return e
end
local load_string, load_chunk = loadstring, load
local function sandboxed(f, message)
  if f == nil then return nil, message end
  return set_env(f, env)
end
local function refuse_bytecode(text)
  return type(text) == 'string' and text:byte(1) == 27
end
function real.loadstring(text, name)
  if refuse_bytecode(text) then return nil, 'attempt to load chunk with wrong mode' end
  return sandboxed(load_string(text, name))
end
function real.load(f, name)
  local parts = {}
  if type(f) == 'function' then
    while true do
      local part = f()
      if part == nil or part == '' then break end
      parts[#parts + 1] = part
    end
    return real.loadstring(table.concat(parts), name or '=(load)')
  end
  return load_chunk(f, name)
end

-- Error values are tables with a message and a place; scripts that catch one see the message.
local call_protected, call_handled, unpack_all = pcall, xpcall, unpack
local function as_text(ok, ...)
  if ok then return ok, ... end
  local e = ...
  if type(e) == 'table' and type(raw_get(e, 'err')) == 'string' then return ok, raw_get(e, 'err') end
  return ok, ...
end
function real.pcall(...) return as_text(call_protected(...)) end

local function handler(err)
  local level = 2
  local i = getinfo(level, 'Sl')
  while i and (i.what == 'C' or i.source == '@sherd') do
    level = level + 1
    i = getinfo(level, 'Sl')
  end
  if type(err) ~= 'table' then err = {err = 'ERR ' .. tostring(err)} end
  if i then
    raw_set(err, 'source', i.source)
    raw_set(err, 'line', i.currentline)
  end
  return err
end

-- Strings find their methods without the metatable that scripts could otherwise change.
get_meta('').__index = string
debug, io, os, package, require, dofile, loadfile, print, module = nil
return env, real, function_env, load_switch, handler
`;
