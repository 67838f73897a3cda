-- The loop: ask for a job, do it, show that we live, tell the end. One runs at a time; a start after a stop is another.
local LrFunctionContext = import 'LrFunctionContext'
local LrLogger = import 'LrLogger'
local LrPathUtils = import 'LrPathUtils'
local LrProgressScope = import 'LrProgressScope'
local LrTasks = import 'LrTasks'

local Apply = require 'Apply'
local Bridge = require 'Bridge'
local Screen = require 'Screen'

local Runner = {}
-- A beat is well within the 30 s by which a worker of the queue renews leases, should it do so in our place.
local POLL, LONGEST_PAUSE, BEAT = 5, 300, 20 -- s
local TRIES = 6 -- to tell a result, half a minute in all
local BY_HAND = 'cancelled by the photographer'

local log = LrLogger 'JunmaiJobs'
log:enable 'logfile'

-- Each script of a menu may get modules of its own; what all of them share is in the plugin's globals.
local shared = rawget(_G, 'JunmaiJobs') or {}
rawset(_G, 'JunmaiJobs', shared)

-- What goes on, as a sentence for the settings.
function Runner.status()
  if not shared.run then return LOC '$$$/JunmaiJobs/Status/Stopped=It does not ask for jobs.' end
  return shared.problem or LOC '$$$/JunmaiJobs/Status/Waiting=It waits for jobs.'
end

-- Log a problem once, until there is another or none.
local function note(problem)
  if problem and problem ~= shared.problem then log:warn(problem) end
  shared.problem = problem
end

-- Renew a job's lease while it is done. `stop` is why it has to end; `lost`: somebody else has it; `progress` how far
-- it is.
local function pulseOf(order)
  local pulse = {}
  LrTasks.startAsyncTask(function()
    while true do
      LrTasks.sleep(BEAT)
      if pulse.over then return end
      local heard = Bridge.heartbeat(order, pulse.progress)
      if heard == 'cancel' then pulse.stop = 'the job was cancelled' end
      if heard == 'lost' then pulse.stop, pulse.lost = 'the lease is over', true end
    end
  end)
  return pulse
end

-- Tell how a job went, again and again while nobody answers.
local function report(order, done, reason, retry)
  local told = {status = done and 'success' or 'failure', reason = reason}
  if not done then told.retry = retry or false end
  for try = 1, TRIES do
    local word = Bridge.result(order, told)
    if word then return word end
    if try < TRIES then LrTasks.sleep(2 ^ (try - 1)) end
  end
  return 'nobody answers, so it will be done again'
end

local function titleOf(order)
  local path = type(order.photo) == 'table' and order.photo.path
  return LOC('$$$/JunmaiJobs/Progress=Junmai Jobs: ^1', path and LrPathUtils.leafName(path) or order.jobId)
end

-- Do one job, to its end whatever that is; then whether the photographer wants more.
local function work(order, context)
  local scope = LrProgressScope {title = titleOf(order), functionContext = context}
  scope:setCancelable(true)
  local pulse, watch = pulseOf(order), {}
  function watch.step(done, total, stage)
    scope:setPortionComplete(done, total)
    scope:setCaption(stage)
    pulse.progress = {done = done, total = total, stage = stage}
  end
  function watch.stopped()
    if scope:isCanceled() then return BY_HAND end
    return pulse.stop
  end
  local ok, done, reason, retry = LrTasks.pcall(Apply.run, order, watch)
  if not ok then done, reason, retry = false, 'Lightroom: ' .. tostring(done), true end
  pulse.over = true
  local word = pulse.lost and 'lost' or report(order, done, reason, retry)
  log:info(string.format('job %s: %s (%s)', order.jobId, word, reason))
  local goesOn = not scope:isCanceled()
  scope:done()
  return goesOn
end

-- Sleep, but no longer than until somebody stops the run.
local function rest(run, seconds)
  local slept = 0
  while slept < seconds and shared.run == run do
    LrTasks.sleep(1)
    slept = slept + 1
  end
end

-- Do a job; while one is done no other run asks for any: the bridge would take this one back.
local function doJob(order)
  local goesOn = false
  LrFunctionContext.callWithContext('Junmai Jobs job', function(context)
    shared.busy = true
    context:addCleanupHandler(function() shared.busy = false end)
    goesOn = work(order, context)
  end)
  return goesOn
end

local function askFor(run)
  local pause = 0
  while shared.busy do LrTasks.sleep(1) end
  while shared.run == run do
    local order, problem = Bridge.next()
    note(problem)
    if order then
      pause = 0
      if not doJob(order) then Runner.stop() end
    else
      pause = problem and math.min(math.max(2 * pause, POLL), LONGEST_PAUSE) or POLL
      rest(run, pause)
    end
  end
end

-- Ask for jobs from now on; nothing if that is done already.
function Runner.start()
  if shared.run then return end
  local run = {}
  shared.run = run
  LrFunctionContext.postAsyncTaskWithContext('Junmai Jobs', function(context)
    context:addCleanupHandler(function()
      if shared.run == run then shared.run = nil end
    end)
    askFor(run)
  end)
  -- A task of its own: the loop waits for nothing that this one asks.
  LrTasks.startAsyncTask(function()
    Screen.watch(function() return shared.run == run end, function() return shared.busy end)
  end)
end

-- Ask for no more jobs; the one that runs is done and told.
function Runner.stop()
  shared.run = nil
end

return Runner
