-- checkpoint: running -> running; data is what the next run of the job finds, empty: what did the last leave?
-- replies: OK, data (empty after a write, or if there is none) | LOST
-- include: ending, saved
local function checkpoint(id, token, data)
  local state = guard(id, token, {})
  if not state then return {'LOST'} end
  if data == '' then return {'OK', redis.call('HGET', checkpoints, id) or ''} end
  redis.call('HSET', checkpoints, id, data)
  if string.sub(state.holds, 1, 1) ~= saved then
    state.holds = saved .. (state.holds ~= '' and ';' or '') .. state.holds
    write_state(id, state)
  end
  return {'OK', ''}
end
