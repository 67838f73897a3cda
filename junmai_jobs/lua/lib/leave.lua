-- include: queue_keys, finish, let_go
local function leave_leases(id, state)
  redis.call('ZREM', queue_key(state.queue, 'leases'), id)
  if state.holds ~= '' then let_go(id, state) end
end
