-- include: end_cancelled, history, bell
-- Back to the front: the score it was claimed with makes it first again in its band.
local function return_to_ready(id, state)
  redis.call('ZADD', queue_key(state.queue, 'ready'), state.score, id)
  state.word, state.note = 'ready', ''
  write_state(id, state)
  leave_leases(id, state)
  ring_queue(state.queue)
  return 'ready'
end

-- A worker handed the job back: no attempt is spent.
local function hand_back(id, state)
  local wanted = state.note == 'cancel'
  add_history(id, state, wanted and 'cancelled' or 'released', '{}')
  state.token = ''
  if wanted then return end_cancelled(id, state) end
  return return_to_ready(id, state)
end
