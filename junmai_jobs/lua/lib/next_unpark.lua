-- Milliseconds until a limit is to be looked at again, or nil.
local function next_unpark()
  local first = redis.call('ZRANGE', limits_due, 0, 0, 'WITHSCORES')
  return first[2] and math.max(0, first[2] - now)
end
