-- step_aside: running -> ready, first again in its band: the run makes way for a more urgent job. No retry is spent.
-- replies: OK | CANCELLED | LOST
-- include: ending, hand_back
local function step_aside(id, token)
  local state, word = guard(id, token, {ready = 'OK', cancelled = 'CANCELLED'})
  if not state then return {word} end
  if record_run(id, state, 'released', '{}') then
    end_cancelled(id, state)
    return {'CANCELLED'}
  end
  return_to_ready(id, state)
  return {'OK'}
end
