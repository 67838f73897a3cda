-- due: which schedules have a tick that is due, the oldest first, at most 100.
-- replies: OK, now (ms), milliseconds until the next tick that is not due yet (empty: none), then for each name,
--   tick (ms), spec
local function due()
  local later = '(' .. string.format('%.0f', now)
  local next_tick = redis.call('ZRANGEBYSCORE', ticks, later, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  local wait = next_tick[1] and tonumber(next_tick[2]) < 1e15 and string.format('%.0f', next_tick[2] - now) or ''
  local reply = {'OK', string.format('%.0f', now), wait}
  local found = redis.call('ZRANGEBYSCORE', ticks, '-inf', now, 'WITHSCORES', 'LIMIT', 0, 100)
  for index = 1, #found, 2 do
    local name, spec = found[index], redis.call('HGET', schedules, found[index])
    if spec then
      reply[#reply + 1] = name
      reply[#reply + 1] = string.format('%.0f', math.max(0, found[index + 1]))
      reply[#reply + 1] = spec
    else
      redis.call('ZREM', ticks, name) -- what a torn unschedule has left
    end
  end
  return reply
end
