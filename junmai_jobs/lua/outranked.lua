-- outranked: could a job of a higher priority run in this running one's place? ...: the queues and lanes to look at.
-- replies: YES | NO | LOST
-- include: ending, queue_keys, band, lane, not_paused, find_machine, limits
-- Could the head of a lane run once this run has left? Only the head is asked: if it has no room, the next claim parks
-- it, and the next call sees the one behind it.
local function may_run(lane, held)
  local head = redis.call('ZRANGE', queue_key(lane, 'ready'), 0, 0)[1]
  local extras = extras_in(head and redis.call('HGET', bodies, head))
  local concurrency, rate, sound = limits_in(extras)
  if not sound then return false end
  for _, spec in pairs({concurrency, rate}) do
    local room, _, key = room_in(spec)
    if room <= 0 and not string.find(';' .. held .. ';', ';' .. key .. ';', 1, true) then return false end
  end
  return true
end

local function outranked(id, token, ...)
  local state = guard(id, token, {})
  if not state then return {'LOST'} end
  local better = better_than(state.score)
  for _, lane in ipairs(not_paused({...})) do
    if redis.call('ZCOUNT', queue_key(lane, 'ready'), '0', better) > 0 then
      -- As if the machine were free that this job holds. One that others hold would be waited for in vain.
      local machine = lane == queue_of(lane) or find_machine(lane, id, state.claimer, {})
      if machine and may_run(lane, state.holds) then return {'YES'} end
    end
  end
  return {'NO'}
end
