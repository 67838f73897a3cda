-- progress: running -> running; note is JSON, empty to ask only whether the run still counts.
-- replies: OK | CANCEL | LOST
-- include: ending
local function progress(id, token, note)
  local state = guard(id, token, {})
  if not state then return {'LOST'} end
  if note ~= '' then redis.call('HSET', progress_notes, id, note) end
  return {state.note == 'cancel' and 'CANCEL' or 'OK'}
end
