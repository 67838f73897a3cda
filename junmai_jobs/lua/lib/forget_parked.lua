-- include: parked_entry
-- A job that waits for room in a limit waits no more.
local function forget_parked(id, state)
  redis.call('ZREM', parked, parked_entry(state.holds, state.score, id))
end
