-- One job: give a photo of the catalog its settings, in an order in which nothing can be lost: a virtual copy first,
-- then a snapshot of how it was, then the settings. Both are named after the job: done twice, it leaves one of each.
local LrApplication = import 'LrApplication'
local LrTasks = import 'LrTasks'

local Parameters = require 'Parameters'

local Apply = {}
local TITLE = 'Junmai Jobs'
local WRITE_WITHIN, SELECT_WITHIN = 30, 2 -- s
local CLOSE = 0.01 -- Lightroom rounds

local function nameOf(order)
  return TITLE .. ' ' .. string.sub((string.gsub(order.jobId, '%W', '')), -8)
end

-- Whether something comes true within so many seconds: Lightroom does what it is told a moment later.
local function waitFor(seconds, condition)
  for _ = 1, seconds * 10 do
    if condition() then return true end
    LrTasks.sleep(0.1)
  end
  return condition() and true or false
end

local function copyNamed(photo, name)
  for _, copy in ipairs(photo:getRawMetadata 'virtualCopies' or {}) do
    if copy:getFormattedMetadata 'copyName' == name then return copy end
  end
  return nil
end

local function isSelected(catalog, photo)
  local selected = catalog:getTargetPhotos()
  return #selected == 1 and selected[1].localIdentifier == photo.localIdentifier
end

-- Only what is selected can be copied, and only what is shown can be selected.
local function selectOnly(catalog, photo)
  for _, source in ipairs {false, catalog.kAllPhotos} do
    if source then catalog:setActiveSources {source} end
    catalog:setSelectedPhotos(photo, {photo})
    if waitFor(SELECT_WITHIN, function() return isSelected(catalog, photo) end) then return true end
  end
  return false
end

-- Make the virtual copy; why that cannot be, if it cannot.
local function makeCopy(catalog, photo, name)
  if not selectOnly(catalog, photo) then return 'the photo cannot be selected in Lightroom: is a filter on?' end
  catalog:createVirtualCopies(name)
  local isMade = waitFor(SELECT_WITHIN, function() return copyNamed(photo, name) end)
  return not isMade and 'Lightroom made no virtual copy' or nil
end

-- The job's virtual copy, made if it is not there; what the photographer had selected is selected again.
local function copyOf(catalog, photo, name)
  local copy = copyNamed(photo, name)
  if copy then return copy end
  local sources, active, selected = catalog:getActiveSources(), catalog:getTargetPhoto(), catalog:getTargetPhotos()
  local _, problem = LrTasks.pcall(makeCopy, catalog, photo, name)
  catalog:setActiveSources(sources)
  if active then catalog:setSelectedPhotos(active, selected) end
  return copyNamed(photo, name), tostring(problem)
end

local function hasSnapshot(photo, name)
  for _, snapshot in ipairs(photo:getDevelopSnapshots() or {}) do
    if snapshot.name == name then return true end
  end
  return false
end

local function isSame(wanted, found)
  if type(wanted) == 'table' then
    for index, value in ipairs(wanted) do
      if type(found) ~= 'table' or not isSame(value, found[index]) then return false end
    end
    return #wanted == #found
  end
  if type(wanted) == 'number' and type(found) == 'number' then return math.abs(wanted - found) <= CLOSE end
  return wanted == found
end

-- Which of the settings Lightroom has not taken, and how many it was given.
local function notTaken(photo, settings)
  local found, missing, count = photo:getDevelopSettings(), {}, 0
  for name, value in pairs(settings) do
    count = count + 1
    if not isSame(value, found[name]) then missing[#missing + 1] = name end
  end
  table.sort(missing)
  return missing, count
end

local function isOn(config, section, name, usually)
  local value = type(config[section]) == 'table' and config[section][name]
  if type(value) ~= 'boolean' then return usually end
  return value
end

local function write(catalog, photo, settings, snapshot)
  local status = catalog:withWriteAccessDo(TITLE, function()
    if snapshot then photo:createDevelopSnapshot(snapshot, false) end
    photo:applyDevelopSettings(settings, TITLE, false)
  end, {timeout = WRITE_WITHIN})
  return status == 'executed'
end

local function told(missing, count, where)
  if #missing == count then return false, 'Lightroom took none of the settings' end
  if #missing > 0 then
    return true, string.format('%d of %d settings applied to %s; Lightroom kept its own %s', count - #missing, count,
      where, table.concat(missing, ', '))
  end
  return true, string.format('%d settings applied to %s', count, where)
end

-- Do it. Whether it was done, a sentence about it, and, if it was not, whether that may pass.
-- watch.step(done, total, stage) is told how far it is; watch.stopped() gives why it has to stop, if it has.
function Apply.run(order, watch)
  local config = order.config
  local settings, reason = Parameters.read(config)
  if not settings then return false, reason end
  local path = type(order.photo) == 'table' and order.photo.path
  if not path then return false, 'the job names no file' end
  local catalog = LrApplication.activeCatalog()
  local photo = catalog:findPhotoByPath(path)
  if not photo then return false, path .. ' is not in the catalog that Lightroom has open: import it, then retry' end
  if next(settings) == nil then return true, 'there is nothing to set' end
  if isOn(config, 'safety', 'dryRun', false) then return true, 'dry run: nothing was changed' end

  local name, where = nameOf(order), 'the photo'
  if isOn(config, 'target', 'createVirtualCopy', true) then
    if watch.stopped() then return false, watch.stopped() end
    watch.step(0, 2, LOC '$$$/JunmaiJobs/Stage/Copy=Virtual copy')
    photo, reason = copyOf(catalog, photo, name)
    if not photo then return false, reason, true end
    where = 'the virtual copy ' .. name
  end
  if watch.stopped() then return false, watch.stopped() end
  watch.step(1, 2, LOC '$$$/JunmaiJobs/Stage/Settings=Settings')
  local snapshot = isOn(config, 'safety', 'snapshot', true) and 'Before ' .. name or nil
  if snapshot and hasSnapshot(photo, snapshot) then snapshot = nil end
  if not write(catalog, photo, settings, snapshot) then
    return false, 'Lightroom was busy with another change', true
  end
  local missing, count = notTaken(photo, settings)
  return told(missing, count, where)
end

return Apply
