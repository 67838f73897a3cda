-- schedule: a name gets a spec (schedule.py) and its first tick (ms); one that has the same spec keeps its tick.
-- replies: OK | SAME
-- include: bell
local function schedule(name, spec, first)
  local has_tick = redis.call('ZSCORE', ticks, name)
  -- The stored tick is later than `first` only if a clock was wrong: then it is replaced.
  local same = redis.call('HGET', schedules, name) == spec
  if same and has_tick and tonumber(has_tick) <= tonumber(first) then return {'SAME'} end
  -- The tick goes first: if the log is torn here, the schedule has none, and gets one when it is stored again.
  if not same then redis.call('ZREM', ticks, name) end
  redis.call('HSET', schedules, name, spec)
  redis.call('ZADD', ticks, first, name)
  if redis.call('ZRANGE', ticks, 0, 0)[1] == name then ring(alarm) end
  return {'OK'}
end
