-- confirm_cancel: running -> cancelled; the run has ended because it was asked to.
-- detail: JSON, ``how``: it stopped when asked, was interrupted, or was killed.
-- replies: OK | LOST
-- include: ending, history, end_cancelled
local function confirm_cancel(id, token, detail)
  local state, word = guard(id, token, {cancelled = 'OK'})
  if not state then return {word} end
  add_history(id, state, 'cancelled', detail)
  end_cancelled(id, state)
  return {'OK'}
end
