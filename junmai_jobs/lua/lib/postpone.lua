-- include: leave, bell, event
-- To scheduled or retrying, due in delay milliseconds.
local function postpone(id, state, word, delay, note)
  local home = queue_key(state.queue, word)
  redis.call('ZADD', home, now + delay, id)
  state.word, state.note = word, note
  write_state(id, state)
  leave_leases(id, state)
  note_event(word, id, state.queue)
  if redis.call('ZRANGE', home, 0, 0)[1] == id then ring(alarm) end
  return word
end
