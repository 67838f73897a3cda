-- include: end_cancelled, history, bell, event
-- A run is taken from its worker, whose token counts no more. Where a log was torn in the middle of its end,
-- the home it was bound for already has the job. True: cancelled, see record_run.
local function take_back(id, state, event, detail)
  local wanted = record_run(id, state, event, detail)
  state.token = ''
  for _, home in ipairs({succeeded, failed, cancelled}) do redis.call('ZREM', home, id) end
  return wanted
end

-- Back to the front: the score it was claimed with makes it first again in its band.
local function return_to_ready(id, state)
  redis.call('ZADD', queue_key(state.queue, 'ready'), state.score, id)
  state.word, state.note = 'ready', ''
  write_state(id, state)
  leave_leases(id, state)
  ring_queue(state.queue)
  note_event('released', id, state.queue)
  return 'ready'
end

-- A worker handed the job back: no retry is spent.
local function hand_back(id, state)
  if take_back(id, state, 'released', '{}') then return end_cancelled(id, state) end
  return return_to_ready(id, state)
end
