-- The test kit's clock: the server's, moved by meta's clock_offset (milliseconds).
local function read_clock()
  local clock = redis.call('TIME')
  return clock[1] * 1000000 + clock[2] + (redis.call('HGET', meta, 'clock_offset') or 0) * 1000
end
