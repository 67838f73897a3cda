-- include: queue_keys, finish
-- seldom: let_go
local function leave_leases(id, state)
  redis.call('ZREM', queue_key(state.queue, 'leases'), id)
  if state.holds ~= '' then seldom().let_go(id, state) end
end
