-- What a run of the stand-in is to show, read from a JSON file, and its journal, a JSON line for each call that
-- matters.
--   journal      the journal's file
--   catalog      the file of Lightroom's catalog, see LrApplication.lua
--   prefs, password   what the photographer has set
--   scripts      what is chosen from a menu, or done in the Plug-in Manager, once the plugin is there
--   polls        how often the bridge may have no job before the plugin is stopped
--   pause        {at, until}: the first such call waits, and everything with it, until there is a file of that name
--   takes        by call how many seconds it takes, by a clock that only sleeping tasks move
--   menu         {at, scripts}: what is chosen from a menu at the first such call
--   cancel       the call at which the photographer cancels what the progress bar shows
--   hidden       all photos but the selected one are hidden from who does not look at all sources
--   screen       the numbers of the photos that are selected when somebody asks; 0: none, -1: to ask raises
--   stuck        nothing can be selected
--   copiesNothing   to make a virtual copy raises
--   busy         how often somebody else has the catalog
--   deaf         settings that Lightroom keeps as they are
local Json = require 'dkjson'
local socket = require 'socket'

local Scene = {given = {}, isCancelled = false, polled = 0}
local journal

function Scene.load(path, stop)
  local file = assert(io.open(path))
  Scene.given = assert(Json.decode(file:read '*a'))
  file:close()
  journal = assert(io.open(Scene.given.journal, 'a'))
  Scene.stop = stop
end

function Scene.note(call, details)
  details.call = call
  journal:write(Json.encode(details), '\n')
  journal:flush()
end

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

-- A call of the SDK that the journal is to have; returns how long it takes.
function Scene.at(call, details)
  Scene.note(call, details or {})
  local pause = Scene.given.pause
  if pause and pause.at == call then
    Scene.given.pause = nil
    while not exists(pause['until']) do socket.sleep(0.01) end
  end
  local menu = Scene.given.menu
  if menu and menu.at == call then
    Scene.given.menu = nil
    for _, script in ipairs(menu.scripts) do dofile(script) end
  end
  if Scene.given.cancel == call then Scene.isCancelled = true end
  return (Scene.given.takes or {})[call] or 0
end

-- The bridge had no job.
function Scene.hadNone()
  Scene.polled = Scene.polled + 1
  if Scene.polled == (Scene.given.polls or 1) then Scene.stop() end
end

return Scene
