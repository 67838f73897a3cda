-- Tasks are coroutines. Time passes only when all of them sleep, and then at once.
local Scene = require 'Scene'

local LrTasks = {isWriting = false}
local waiting, now, count = {}, 0, 0

local function add(task, at)
  count = count + 1
  waiting[#waiting + 1] = {task = task, at = at, number = count}
end

function LrTasks.startAsyncTask(task)
  add(coroutine.create(task), now)
end

function LrTasks.sleep(seconds)
  assert(coroutine.running(), 'only a task can sleep')
  assert(not LrTasks.isWriting, 'nobody sleeps with write access')
  coroutine.yield(now + seconds)
end

-- As pcall, which in Lua 5.1 no task can yield across.
function LrTasks.pcall(called, ...)
  local task = coroutine.create(called)
  local function go(ok, ...)
    if coroutine.status(task) == 'dead' then return ok, ... end
    return go(coroutine.resume(task, coroutine.yield(...)))
  end
  return go(coroutine.resume(task, ...))
end

local function takeFirst()
  local first = 1
  for index, each in ipairs(waiting) do
    local best = waiting[first]
    if each.at < best.at or (each.at == best.at and each.number < best.number) then first = index end
  end
  return table.remove(waiting, first)
end

function LrTasks.run()
  while waiting[1] do
    local each = takeFirst()
    now = math.max(now, each.at)
    local ok, at = coroutine.resume(each.task)
    if not ok then
      Scene.note('error', {message = tostring(at)})
      os.exit(1)
    end
    if coroutine.status(each.task) ~= 'dead' then add(each.task, at) end
  end
end

return LrTasks
