-- A stand-in for Lightroom: loads a plugin as it does, runs its tasks, and ends when these have ended.
-- lua5.1 lightroom.lua PLUGIN SCENE, both paths; for the scene see Scene.lua.
local plugin, scene = arg[1], arg[2]
local here = string.match(arg[0], '^(.*)/') or '.'
package.path = plugin .. '/?.lua;' .. here .. '/?.lua;' .. package.path

local Scene = require 'Scene'
local Small = require 'Small'
require 'socket.http'

function import(name)
  return Small[name] or require(name)
end

-- LOC '$$$/Key=Text with ^1', and what stands in place of ^1.
function LOC(text, ...)
  local values = {...}
  local shown = string.match(text, '^%$%$%$/[%w/]+=(.*)$')
  return (string.gsub(shown, '%^(%d)', function(at) return values[tonumber(at)] end))
end

WIN_ENV, MAC_ENV = false, true
_PLUGIN = {id = 'plugin', path = plugin}
-- Lightroom knows no global that nobody has set, and neither does a plugin that is right.
setmetatable(_G, {__index = function(_, name) error('there is no global ' .. tostring(name), 2) end})

Scene.load(scene, function() dofile(plugin .. '/Stop.lua') end)
dofile(plugin .. '/' .. dofile(plugin .. '/Info.lua').LrInitPlugin)
for _, script in ipairs(Scene.given.scripts or {}) do dofile(script) end
require('LrTasks').run()
local catalog = import('LrApplication').activeCatalog()
local selected = {}
for index, photo in ipairs(catalog.selected) do selected[index] = photo.localIdentifier end
Scene.note('end', {prefs = Scene.given.prefs, sources = catalog.sources, selected = selected})
