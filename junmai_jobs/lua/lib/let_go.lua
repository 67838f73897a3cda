-- include: unpark, checkpoint_mark
-- A run is over: what it held is free, and the next who waits for it comes back.
local function let_go(id, state)
  for held in string.gmatch(state.holds, '[^;]+') do
    if held == checkpoint_mark then
      if state.word == 'succeeded' then redis.call('HDEL', checkpoints, id) end
    else
      redis.call('ZREM', holders, member_of(held, id))
      if string.sub(held, 1, 1) ~= '@' then unpark(held, 1) end
    end
  end
end
