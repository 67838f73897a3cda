-- cancel: waiting or blocked -> cancelled; running -> told to stop, its worker is rung.
-- replies: OK | CANCELLING | FINISHED, word | NOTFOUND
-- include: now, queue_keys, bell, waiting, finish
local function cancel(id, request, reason)
  local body = redis.call('HGET', bodies, id)
  if not body then return {'NOTFOUND'} end
  local state = read_state(id) or waiting_state(id, body)
  if not state then return {'NOTFOUND'} end
  local home = queue_key(state.queue, state.word)
  if is_waiting[state.word] then
    state.request = request
    finish(id, state, 'cancelled', reason)
    redis.call('ZREM', home, id)
    return {'OK'}
  end
  if state.word == 'running' then
    state.note = 'cancel'
    write_state(id, state)
    ring(queue_key('@' .. string.match(state.claimer, '^[^/]*'), 'control'))
    return {'CANCELLING'}
  end
  if state.word == 'cancelled' and state.request == request then return {'OK'} end
  return {'FINISHED', state.word}
end
