-- include: queue_keys, finish
-- A head that cannot run leaves the queue: expired or damaged it ends; without a body, or at home elsewhere,
-- it was never here.
local function put_aside(id, queue, state, body, readable)
  local elsewhere = state and (state.word == 'running' or finished_home(state.word))
  if body and not elsewhere then
    state = state or new_state('ready', queue)
    if readable then finish(id, state, 'cancelled', 'expired') else finish(id, state, 'failed', 'corrupt_record') end
  end
  redis.call('ZREM', queue_key(queue, 'ready'), id)
end
