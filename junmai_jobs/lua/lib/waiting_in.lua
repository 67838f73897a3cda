-- include: queue_keys
local function waiting_in(queue)
  local count = 0
  for _, kind in ipairs({'ready', 'scheduled', 'retrying', 'blocked'}) do
    count = count + redis.call('ZCARD', queue_key(queue, kind))
  end
  return count
end

local function is_empty(queue)
  return waiting_in(queue) + redis.call('ZCARD', queue_key(queue, 'leases')) == 0
end
