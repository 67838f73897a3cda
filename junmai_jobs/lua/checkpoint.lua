-- checkpoint: running -> running; data: kept for the next run of the job; empty: only ask what is kept.
-- replies: OK, data (empty after a write, or if there is none) | LOST
-- include: ending, checkpoint_mark
local function checkpoint(id, token, data)
  local state = guard(id, token, {})
  if not state then return {'LOST'} end
  if data == '' then return {'OK', redis.call('HGET', checkpoints, id) or ''} end
  redis.call('HSET', checkpoints, id, data)
  if string.sub(state.holds, 1, 1) ~= checkpoint_mark then
    state.holds = checkpoint_mark .. (state.holds ~= '' and ';' or '') .. state.holds
    write_state(id, state)
  end
  return {'OK', ''}
end
