-- confirm_cancel: running -> cancelled; the run stopped itself because it was asked to.
-- replies: OK | LOST
-- include: now, ending, history, end_cancelled
local function confirm_cancel(id, token, detail)
  local state, word = guard(id, token, {cancelled = 'OK'})
  if not state then return {word} end
  add_history(id, state, 'cancelled', detail)
  end_cancelled(id, state)
  return {'OK'}
end
