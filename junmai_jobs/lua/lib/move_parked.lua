-- include: parked_entry, state
-- One that waits for room in a limit gets another place among its like.
local function move_parked(id, state, score)
  local before = parked_entry(state.holds, state.score, id)
  state.score = score
  local after = parked_entry(state.holds, score, id)
  redis.call('ZADD', parked, 0, after)
  write_state(id, state)
  if after ~= before then redis.call('ZREM', parked, before) end
end
