-- fire: nothing -> ready or scheduled, for ticks of a schedule, whose next tick is set with it. Of all who read the
-- same spec and tick the first does it: nobody leads. A job that is there was made by a call that was cut off.
-- tick, following: the one read and the next (ms); ...: ids of the ticks' jobs, at most 32
-- replies: OK | STALE | FULL, index, queue | LANES, index, queue
-- include: enqueue
local function fire(name, spec, tick, following, max_waiting, delay, body, ...)
  local stored = tonumber(redis.call('ZSCORE', ticks, name) or nil)
  if not stored or redis.call('HGET', schedules, name) ~= spec then return {'STALE'} end
  stored = math.max(0, stored) -- as due tells it
  if stored == tonumber(following) then return {'OK'} end
  if stored ~= tonumber(tick) then return {'STALE'} end
  local jobs = {}
  for _, id in ipairs({...}) do
    if redis.call('HEXISTS', bodies, id) == 0 then
      for _, part in ipairs({id, delay, '', body}) do jobs[#jobs + 1] = part end
    end
  end
  local reply = enqueue(max_waiting, unpack(jobs))
  if reply[1] ~= 'OK' then return reply end
  redis.call('ZADD', ticks, following, name)
  return {'OK'}
end
