-- defer: running -> scheduled, due in delay milliseconds; spends no retry. note: kept for the next run.
-- replies: OK | CANCELLED | LOST
-- include: ending, history, postpone, end_cancelled
local function defer(id, token, delay, note, detail)
  local state, word = guard(id, token, {scheduled = 'OK', ready = 'OK', cancelled = 'CANCELLED'})
  if not state then return {word} end
  if record_run(id, state, 'deferred', detail) then
    end_cancelled(id, state)
    return {'CANCELLED'}
  end
  postpone(id, state, 'scheduled', delay, note)
  return {'OK'}
end
