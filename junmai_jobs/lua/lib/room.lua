-- include: queue_keys
-- A queue has at most so many lanes: what its jobs need of a machine comes in a few sizes.
local lanes_limit = 16

local function waiting_in(queue)
  local count = 0
  for _, kind in ipairs({'ready', 'scheduled', 'retrying', 'blocked'}) do
    count = count + redis.call('ZCARD', queue_key(queue, kind))
  end
  return count
end

local function too_many_lanes(queue)
  local base = string.match(queue, '^([^+]*)+')
  return base and redis.call('ZSCORE', queues, queue) == false and
    redis.call('ZLEXCOUNT', queues, '[' .. base .. '+', '(' .. base .. ',') >= lanes_limit
end
