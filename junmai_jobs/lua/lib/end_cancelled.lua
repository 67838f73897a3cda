-- include: leave
local function end_cancelled(id, state)
  finish(id, state, 'cancelled', 'cancelled')
  leave_leases(id, state)
  return 'cancelled'
end
