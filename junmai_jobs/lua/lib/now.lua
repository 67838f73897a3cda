-- The server's clock, in microseconds since 1970.
local function read_clock()
  local clock = redis.call('TIME')
  return clock[1] * 1000000 + clock[2]
end
