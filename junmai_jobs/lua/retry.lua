-- retry: running -> retrying, due in delay milliseconds; spends a retry.
-- replies: OK | CANCELLED | LOST
-- include: ending, history, postpone, end_cancelled
local function retry(id, token, delay, detail)
  local state, word = guard(id, token, {retrying = 'OK', ready = 'OK', cancelled = 'CANCELLED'})
  if not state then return {word} end
  if record_run(id, state, 'failed', detail) then
    end_cancelled(id, state)
    return {'CANCELLED'}
  end
  state.failures = state.failures + 1
  postpone(id, state, 'retrying', delay, '')
  return {'OK'}
end
