-- include: queue_keys, finish
local function leave_leases(id, state)
  redis.call('ZREM', queue_key(state.queue, 'leases'), id)
end
