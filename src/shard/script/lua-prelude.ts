/**
 * What scripts find when they begin: a table of globals that cannot be changed, without what reaches outside. How
 * tables are protected, and the functions that know it: sandbox.ts.
 *
 * Invariant: what the prelude calls is in its own locals, so nothing that a script does changes what it calls.
 */

/**
 * Run once, with `redis`, the libraries, REGISTER_FUNCTION and the functions of the sandbox (GUARDS) in the globals.
 * Returns the environment of scripts, the real globals, the environment of functions, the switch of its load-time
 * globals, and the error handler.
 */
export const PRELUDE = `
local guards, register_function = __guards, __register_function
__guards, __register_function = nil, nil
local front_of = guards.front
local set_meta, get_meta, raw_set, raw_get, set_env = setmetatable, getmetatable, rawset, rawget, setfenv
local type, error, next, tostring, ipairs = type, error, next, tostring, ipairs
local byte, find, getinfo = string.byte, string.find, debug.getinfo
local load, newproxy = load, newproxy

local function refuse() error('Attempt to modify a readonly table', 2) end

-- Makes the front of a table that scripts may read and not change.
local function protect(t, missing)
  local front = set_meta({}, {__index = t, __newindex = refuse, __metatable = false})
  if missing then set_meta(t, {__index = missing}) end
  front_of(front, t)
  return front
end

local function missing(_, name)
  error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end

local real = {}
for _, name in ipairs({'xpcall', 'tostring', 'assert', 'tonumber', 'rawequal', 'type', 'select', 'unpack', 'gcinfo',
  '_VERSION', 'error', 'ipairs'}) do
  real[name] = _G[name]
end
for _, name in ipairs({'rawset', 'rawget', 'next', 'pairs', 'setmetatable', 'getmetatable', 'getfenv', 'setfenv',
  'loadstring', 'collectgarbage'}) do
  real[name] = guards[name]
end
table.insert, table.foreach = guards.insert, guards.foreach
for _, name in ipairs({'string', 'math', 'table', 'coroutine', 'redis', 'cjson', 'cmsgpack', 'bit', 'struct'}) do
  real[name] = protect(_G[name])
end
real.server = real.redis
real.os = protect({clock = os.clock})

-- While a library loads it sees a redis table that registers and logs, and nothing else.
local load_redis = {register_function = register_function}
for name, value in next, redis do
  if name == 'log' or find(name, '^LOG_') or find(name, '^REDIS_VERSION') then load_redis[name] = value end
end
local load_front = protect(load_redis, missing)
local load_globals = set_meta({redis = load_front, server = load_front}, {__index = missing})
local function_meta = {__index = real, __newindex = refuse, __metatable = false}
local function_env = set_meta({}, function_meta)
front_of(function_env, real)
local function load_switch(loading)
  function_meta.__index = loading and load_globals or real
end

local env = protect(real, missing)
real._G = env
guards.environment(env, protect({__index = missing}))

-- A chunk that begins with an escape is a compiled one: see LuaVm.load.
real.load = guards.load(function(reader, ...)
  local is_first = true
  local chunk, message = load(function()
    local piece = reader()
    if is_first and piece and piece ~= '' then
      is_first = false
      if type(piece) == 'string' and byte(piece) == 27 then return ' ' .. piece end
    end
    return piece
  end, ...)
  if chunk then return set_env(chunk, env) end
  return chunk, message
end)

-- Of a metatable that newproxy makes, all but __gc is the script's: a finaliser would run while another script does.
-- The script has a front of it, and never the metatable itself: without __metatable, getmetatable would return that.
real.newproxy = guards.newproxy(function(kind)
  local proxy = newproxy(kind)
  if kind == true then
    local meta = get_meta(proxy)
    local front
    local function write(_, name, value)
      if name == '__metatable' and value == nil then value = front end
      if name ~= '__gc' then raw_set(meta, name, value) end
    end
    front = set_meta({}, {__index = meta, __newindex = write, __metatable = false})
    meta.__metatable = front
  end
  return proxy
end)

-- Error values are tables with a message and a place; scripts that catch one see the message.
local call_protected = pcall
local function as_text(ok, ...)
  if ok then return ok, ... end
  local e = ...
  if type(e) == 'table' then
    local text = raw_get(e, 'err')
    if type(text) == 'string' or type(text) == 'number' then return ok, text end
  end
  return ok, ...
end
function real.pcall(...) return as_text(call_protected(...)) end

-- The error of a script with the place of its own code. A new table: the script's own may be a protected one.
local function handler(err)
  local level = 2
  local i = getinfo(level, 'Sl')
  while i and (i.what == 'C' or i.source == '@sherd') do
    level = level + 1
    i = getinfo(level, 'Sl')
  end
  local found = {}
  if type(err) ~= 'table' then
    found.err = 'ERR ' .. tostring(err)
  else
    local text = raw_get(err, 'err')
    found.err = (type(text) == 'string' or type(text) == 'number') and text or 'ERR unknown error'
    found.ignore_error_stats_update = raw_get(err, 'ignore_error_stats_update')
  end
  if i then
    found.source = i.source
    found.line = i.currentline
  end
  return found
end

-- Strings find their methods here; what scripts get as the metatable is a front.
local string_meta = get_meta('')
string_meta.__index = string
string_meta.__metatable = protect({__index = real.string})
debug, io, os, package, require, dofile, loadfile, print, module = nil
return env, real, function_env, load_switch, handler
`;
