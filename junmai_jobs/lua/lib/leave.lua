-- include: finish, history, score
-- The ways out of running that are not an end. Each writes the new home first and leaves the old one last.
local function leave_leases(id, state)
  redis.call('ZREM', queue_key(state.queue, 'leases'), id)
end

-- Back to the front: the score it was claimed with makes it first again in its band.
local function return_to_ready(id, state)
  redis.call('ZADD', queue_key(state.queue, 'ready'), state.score, id)
  state.word, state.note = 'ready', ''
  write_state(id, state)
  leave_leases(id, state)
  ring_queue(state.queue)
  return 'ready'
end

-- To scheduled or retrying, due in delay milliseconds.
local function postpone(id, state, word, delay, note)
  local home = queue_key(state.queue, word)
  redis.call('ZADD', home, now + delay, id)
  state.word, state.note = word, note
  write_state(id, state)
  leave_leases(id, state)
  if redis.call('ZRANGE', home, 0, 0)[1] == id then ring(alarm) end
  return word
end

local function end_cancelled(id, state)
  finish(id, state, 'cancelled', 'cancelled')
  leave_leases(id, state)
  return 'cancelled'
end

-- A worker handed the job back: no attempt is spent.
local function hand_back(id, state)
  local wanted = state.note == 'cancel'
  add_history(id, state, wanted and 'cancelled' or 'released', '{}')
  state.token = ''
  if wanted then return end_cancelled(id, state) end
  return return_to_ready(id, state)
end

-- The run was lost with its worker (event crashed or lost): first again at once, then in 5 s, then never.
local function lose(id, state, event, detail)
  local wanted = state.note == 'cancel'
  add_history(id, state, wanted and 'cancelled' or event, detail)
  state.token = ''
  if wanted then return end_cancelled(id, state) end
  state.crashes = state.crashes + 1
  if state.crashes == 1 then return return_to_ready(id, state) end
  if state.crashes == 2 then return postpone(id, state, 'retrying', 5000, '') end
  finish(id, state, 'failed', 'crashed')
  leave_leases(id, state)
  return 'failed'
end
