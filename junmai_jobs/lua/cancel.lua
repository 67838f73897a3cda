-- cancel: waiting or blocked -> cancelled; running -> told to stop, its worker is rung.
-- replies: OK | CANCELLING | STATE, word | NOTFOUND
-- include: queue_keys, bell, waiting, finish
local function cancel(id, request, reason)
  local state = known_state(id)
  if not state then return {'NOTFOUND'} end
  local home = queue_key(state.queue, state.word)
  if is_waiting[state.word] then
    state.request = request
    finish(id, state, 'cancelled', reason)
    redis.call('ZREM', home, id)
    return {'OK'}
  end
  if state.request == request then return {state.word == 'cancelled' and 'OK' or 'CANCELLING'} end
  if state.word == 'running' then
    state.note, state.request = 'cancel', request
    write_state(id, state)
    ring(queue_key('@' .. string.match(state.claimer, '^[^/]*'), 'control'))
    return {'CANCELLING'}
  end
  return {'STATE', state.word}
end
