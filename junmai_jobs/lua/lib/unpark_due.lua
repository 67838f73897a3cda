-- include: limits, unpark
local function look_again(spec, left)
  local room, due, key = room_in(spec)
  local called = 0
  if room > 0 then
    called = unpark(key, math.min(room, left))
    -- Whom we called may be cancelled before it is claimed, and one call looks at so many entries only.
    due = called < room and called >= left and now or math.min(due, now + 1000)
  end
  local low, high = range_of(key)
  local waits = redis.call('ZRANGEBYLEX', parked, low, high, 'LIMIT', 0, 1)[1]
  local counted = redis.call('ZRANGEBYLEX', starts, low, high, 'LIMIT', 0, 1)[1]
  if waits or counted then
    redis.call('ZADD', limits_due, math.max(due, now + 1), spec)
  else
    redis.call('ZREM', limits_due, spec)
  end
  return called
end

-- Limits that are to be looked at again: as many of those that wait come back as there is room for. How many did.
local function unpark_due(left)
  local back = 0
  for _, spec in ipairs(redis.call('ZRANGEBYSCORE', limits_due, '-inf', now, 'LIMIT', 0, left)) do
    if parts_of(spec) then
      back = back + look_again(spec, left - back)
    else
      redis.call('ZREM', limits_due, spec) -- no limit, and not put there by us
    end
    if back >= left then return back end
  end
  return back
end
