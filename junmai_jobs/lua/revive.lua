-- revive: failed, cancelled -> ready, by a person; counts start again, history is kept.
-- replies: OK | STATE, word | NOTFOUND
-- include: queue_keys, bell, score, state, waiting
local homes = {failed = failed, cancelled = cancelled}

local function revive(id, request)
  local body = redis.call('HGET', bodies, id)
  if not body then return {'NOTFOUND'} end
  local state = read_state(id) or waiting_state(id, body)
  if not state then return {'NOTFOUND'} end
  -- Asked again: it may run since, or have failed once more.
  if state.request == request then return {'OK'} end
  local home = homes[state.word]
  if not home then return {'STATE', state.word} end
  redis.call('ZADD', queue_key(state.queue, 'ready'), ready_score(priority_of(id, state), next_sequence(1)), id)
  state.word, state.token, state.failures, state.crashes = 'ready', '', '0', '0'
  state.claimer, state.request, state.note = '', request, ''
  write_state(id, state)
  redis.call('HDEL', progress_notes, id)
  redis.call('ZREM', home, id)
  ring_queue(state.queue)
  return {'OK'}
end
