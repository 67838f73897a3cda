-- schedule: a name gets a spec (schedule.py) and its first tick (ms); one that has the same spec keeps its tick.
-- replies: OK | SAME
-- include: bell
local function schedule(name, spec, first)
  local has_tick = redis.call('ZSCORE', ticks, name)
  if has_tick and redis.call('HGET', schedules, name) == spec then return {'SAME'} end
  -- The spec first: one without a tick is seen, and is given one when it is stored again.
  redis.call('HSET', schedules, name, spec)
  redis.call('ZADD', ticks, first, name)
  if redis.call('ZRANGE', ticks, 0, 0)[1] == name then ring(alarm) end
  return {'OK'}
end
