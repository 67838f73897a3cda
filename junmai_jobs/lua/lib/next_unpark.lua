-- Milliseconds until a limit is to be looked at again, or nil.
local function next_unpark()
  local first = redis.call('ZRANGE', limits_due, 0, 0, 'WITHSCORES')
  -- One that is no time was not put there by us.
  return first[2] and tonumber(first[2]) < 1e15 and math.max(0, first[2] - now) or nil
end
