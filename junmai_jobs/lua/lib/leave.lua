-- include: finish, history
local function leave_leases(id, state)
  redis.call('ZREM', queue_key(state.queue, 'leases'), id)
end

local function end_cancelled(id, state)
  finish(id, state, 'cancelled', 'cancelled')
  leave_leases(id, state)
  return 'cancelled'
end
