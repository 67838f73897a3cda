-- include: queue_keys, bell, score, state, checkpoint_mark
-- A blocked job waits for no parent any more, but for the delay it was submitted with, if any.
local function unblock(child, state)
  local delay = tonumber(state.note) or 0
  if delay > 0 then
    redis.call('ZADD', queue_key(state.queue, 'scheduled'), now + delay, child)
    ring(alarm)
  else
    local place = place_in(state, priority_of(child, state), next_sequence(1))
    redis.call('ZADD', queue_key(state.queue, 'ready'), place, child)
    ring_queue(state.queue)
  end
  state.word, state.note = delay > 0 and 'scheduled' or 'ready', ''
  -- A revived job keeps its state for the request in it, by which a repeated revive is known; one that somebody looks
  -- at for its place.
  if state.request == '' and not is_look(state.score) then
    redis.call('HDEL', states, child)
  else
    state.holds = checkpoint_mark_of(child)
    write_state(child, state)
  end
  redis.call('ZREM', queue_key(state.queue, 'blocked'), child)
end
