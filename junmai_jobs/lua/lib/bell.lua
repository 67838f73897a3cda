-- include: queue_keys
-- A bell is a list of at most one ring. Nobody is blocked on a list that has a ring in it, so a second
-- ring would tell nothing; and a ring that finds nobody blocked waits for the next who asks.
local function ring(bell)
  if redis.call('LLEN', bell) == 0 then redis.call('RPUSH', bell, '1') end
end

local function ring_queue(queue)
  ring(queue_key(queue, 'bell'))
end
