-- fail: running -> failed, for good. reason: a word or a sentence, may be empty.
-- replies: OK | LOST
-- include: ending, history, leave
local function fail(id, token, reason, detail)
  local state, word = guard(id, token, {failed = 'OK'})
  if not state then return {word} end
  add_history(id, state, 'failed', detail)
  finish(id, state, 'failed', reason)
  leave_leases(id, state)
  return {'OK'}
end
