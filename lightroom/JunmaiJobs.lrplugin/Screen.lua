-- Which photo is on the screen: its jobs go first. Told when it changes, once and to whoever listens: nothing depends
-- on it, so nothing that goes wrong with it is anybody's concern.
local LrApplication = import 'LrApplication'
local LrTasks = import 'LrTasks'

local Bridge = require 'Bridge'
local Settings = require 'Settings'

local Screen = {}
local EVERY = 1 -- s

local function pathOnScreen()
  local photo = LrApplication.activeCatalog():getTargetPhoto()
  return photo and photo:getRawMetadata 'path'
end

-- Look while goesOn() says so. Not while isBusy(): then the plugin itself selects photos.
function Screen.watch(goesOn, isBusy)
  local last
  LrTasks.sleep(EVERY)
  while goesOn() do
    local ok, path
    if Settings.tellsScreen() and not isBusy() then ok, path = LrTasks.pcall(pathOnScreen) end
    if ok and path and path ~= last then
      last = path
      LrTasks.pcall(Bridge.lookAt, path)
    end
    LrTasks.sleep(EVERY)
  end
end

return Screen
