-- Lightroom's catalog, kept in a file: a list of photos, each with its path, settings and snapshots; a virtual copy
-- also with its copyName and the number of its master.
local Json = require 'dkjson'

local LrTasks = require 'LrTasks'
local Scene = require 'Scene'

local LrApplication, Photo, Catalog = {}, {}, {kAllPhotos = 'all photos'}
local catalog

local function copied(value)
  return type(value) == 'table' and Json.decode(Json.encode(value), 1, nil, nil, nil) or value
end

local function save()
  local rows = {}
  for index, photo in ipairs(catalog.photos) do rows[index] = photo.row end
  local file = assert(io.open(Scene.given.catalog, 'w'))
  file:write(Json.encode(rows))
  file:close()
end

local function add(row)
  local photo = setmetatable({row = row, localIdentifier = #catalog.photos + 1}, {__index = Photo})
  catalog.photos[#catalog.photos + 1] = photo
  return photo
end

function LrApplication.activeCatalog()
  if not catalog then
    catalog = setmetatable({photos = {}, selected = {}, sources = {'a folder'}}, {__index = Catalog})
    local file = assert(io.open(Scene.given.catalog))
    for _, row in ipairs(assert(Json.decode(file:read '*a'))) do add(row) end
    file:close()
    catalog.shown = catalog.photos[#catalog.photos]
    catalog.selected = {catalog.shown}
  end
  return catalog
end

local function needWriteAccess()
  assert(LrTasks.isWriting, 'this needs write access')
end

function Photo:getRawMetadata(key)
  if key == 'path' then return self.row.path end
  assert(key == 'virtualCopies', 'the stand-in knows no ' .. tostring(key))
  local copies = {}
  for _, each in ipairs(catalog.photos) do
    if each.row.master == self.localIdentifier then copies[#copies + 1] = each end
  end
  return copies
end

function Photo:getFormattedMetadata(key)
  assert(key == 'copyName', 'the stand-in knows no ' .. tostring(key))
  return self.row.copyName
end

function Photo:getDevelopSettings() return copied(self.row.settings) end

function Photo:getDevelopSnapshots() return copied(self.row.snapshots or {}) end

function Photo:createDevelopSnapshot(name, update)
  needWriteAccess()
  Scene.at('createDevelopSnapshot', {photo = self.localIdentifier, name = name})
  assert(update == false)
  self.row.snapshots = self.row.snapshots or {}
  table.insert(self.row.snapshots, {name = name, settings = copied(self.row.settings)})
  save()
  return true
end

function Photo:applyDevelopSettings(settings, history)
  needWriteAccess()
  Scene.at('applyDevelopSettings', {photo = self.localIdentifier, settings = settings, history = history})
  for name, value in pairs(settings) do
    if not (Scene.given.deaf or {})[name] then self.row.settings[name] = copied(value) end
  end
  save()
end

function Catalog:findPhotoByPath(path)
  for _, photo in ipairs(self.photos) do
    if photo.row.path == path and not photo.row.master then return photo end
  end
end

function Catalog:getActiveSources() return self.sources end

function Catalog:setActiveSources(sources) self.sources = sources end

function Catalog:getTargetPhoto()
  local screen = Scene.given.screen
  if screen and screen[1] then
    local number = table.remove(screen, 1)
    if number < 0 then error('the catalog is busy', 0) end
    self.selected = {self.photos[number]} -- none has the number 0
  end
  return self.selected[1]
end

-- As Lightroom's: without a selection it is all that is shown.
function Catalog:getTargetPhotos() return self.selected[1] and self.selected or self.photos end

function Catalog:setSelectedPhotos(photo, photos)
  local isHidden = Scene.given.hidden and self.sources[1] ~= self.kAllPhotos and photo ~= self.shown
  if Scene.given.stuck or isHidden then return end
  self.selected = photos
end

function Catalog:createVirtualCopies(name)
  assert(coroutine.running() and not LrTasks.isWriting, 'from a task, without write access')
  local takes, made = Scene.at('createVirtualCopies', {photo = self.selected[1].localIdentifier, name = name}), {}
  if takes > 0 then LrTasks.sleep(takes) end
  if Scene.given.copiesNothing then error('no copies just now', 0) end
  for index, master in ipairs(self.selected) do
    local row = {path = master.row.path, copyName = name, master = master.localIdentifier}
    row.settings = copied(master.row.settings)
    made[index] = add(row)
  end
  self.selected = made
  save()
  return made
end

function Catalog.withWriteAccessDo(_, _, act, wait)
  assert(wait and wait.timeout, 'without a timeout it raises where somebody else writes')
  if (Scene.given.busy or 0) > 0 then
    Scene.given.busy = Scene.given.busy - 1
    return 'aborted'
  end
  assert(not LrTasks.isWriting, 'nobody has write access twice')
  LrTasks.isWriting = true
  local ok, problem = pcall(act)
  LrTasks.isWriting = false
  if not ok then error(problem, 0) end
  return 'executed'
end

return LrApplication
