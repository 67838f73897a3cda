-- The test kit's clock: it stands at meta's clock_at (microseconds), or else is the server's, moved by clock_offset
-- (milliseconds).
local function read_clock()
  local set = redis.call('HMGET', meta, 'clock_at', 'clock_offset')
  if set[1] then return tonumber(set[1]) end
  local clock = redis.call('TIME')
  return clock[1] * 1000000 + clock[2] + (set[2] or 0) * 1000
end
