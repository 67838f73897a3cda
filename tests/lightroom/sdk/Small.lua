-- The namespaces of the SDK of which the plugin needs little.
local LrTasks = require 'LrTasks'
local Scene = require 'Scene'

local Small = {}

Small.LrPrefs = {prefsForPlugin = function() return Scene.given.prefs end}

Small.LrPasswords = {
  retrieve = function() return Scene.given.password end,
  store = function(_, password) Scene.given.password = password end,
}

Small.LrUUID = {
  generateUUID = function()
    local random = assert(io.open('/dev/urandom', 'rb'))
    local bytes = random:read(16)
    random:close()
    return (string.gsub(bytes, '.', function(byte) return string.format('%02X', string.byte(byte)) end))
  end,
}

Small.LrPathUtils = {
  child = function(folder, name) return folder .. '/' .. name end,
  getStandardFilePath = function() return os.getenv 'HOME' or '/' end,
  leafName = function(path) return string.match(path, '[^/]*$') end,
}

Small.LrFileUtils = {
  exists = function(path)
    local file = io.open(path)
    if file then file:close() end
    return file and 'file' or false
  end,
  readFile = function(path)
    local file = assert(io.open(path))
    local text = file:read '*a'
    file:close()
    return text
  end,
}

function Small.LrLogger()
  local function log(level) return function(_, text) Scene.note('log', {level = level, text = text}) end end
  return {enable = function() end, info = log 'info', warn = log 'warn', error = log 'error'}
end

function Small.LrProgressScope(given)
  assert(given.functionContext, 'it belongs to a context')
  return {
    setCancelable = function() end,
    setCaption = function() end,
    setPortionComplete = function(_, done, total) Scene.at('progress ' .. done, {total = total}) end,
    isCanceled = function() return Scene.isCancelled end,
    done = function() end,
  }
end

Small.LrFunctionContext = {}

function Small.LrFunctionContext.callWithContext(_, act)
  local handlers = {}
  local context = {addCleanupHandler = function(_, handler) table.insert(handlers, 1, handler) end}
  local ok, problem = LrTasks.pcall(act, context)
  for _, handler in ipairs(handlers) do handler() end
  if not ok then error(problem, 0) end
end

function Small.LrFunctionContext.postAsyncTaskWithContext(name, act)
  LrTasks.startAsyncTask(function() Small.LrFunctionContext.callWithContext(name, act) end)
end

-- Of a dialog the tables it is made of are enough.
local function widget(_, given) return given end
Small.LrView = {
  bind = function(key) return {key = key} end,
  share = function(name) return name end,
  osFactory = function()
    return setmetatable({control_spacing = function() return 4 end}, {__index = function() return widget end})
  end,
}
Small.LrBinding = {makePropertyTable = function() return {} end}
Small.LrDialogs = {
  presentModalDialog = function(given)
    Scene.note('dialog', {title = given.title})
    return 'ok'
  end,
}

return Small
