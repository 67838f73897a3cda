-- One that waits for room in a limit gets another place among its like.
local function move_parked(id, state, score)
  redis.call('ZADD', parked, 0, state.holds .. ' ' .. string.format('%016.0f', score) .. ' ' .. id)
  redis.call('ZREM', parked, state.holds .. ' ' .. string.format('%016.0f', state.score) .. ' ' .. id)
end
