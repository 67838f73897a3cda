-- expire: forgets results whose time is over, 30 a call; their jobs stay succeeded. One that a child is still to
-- read is kept for another minute.
-- replies: OK | MORE
-- include: readers
local function expire()
  local due = redis.call('ZRANGEBYSCORE', expiring, '-inf', now, 'LIMIT', 0, 30)
  for _, id in ipairs(due) do
    local state = read_state(id)
    local done = state and state.word == 'succeeded'
    if done and is_read_by_a_child(id) then
      redis.call('ZADD', expiring, now + 60000, id)
    else
      if done then
        state.note = 'result_expired'
        write_state(id, state)
        redis.call('HDEL', results, id)
      end
      redis.call('ZREM', expiring, id)
    end
  end
  return {#due == 30 and 'MORE' or 'OK'}
end
