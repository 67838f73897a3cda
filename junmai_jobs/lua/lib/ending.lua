-- include: state
-- The guard of every verb by which a run ends its job: only the holder of the fencing token may, and the
-- same end a second time is OK without a write. homes: where this end may have taken the job already.
-- learnt.ended_for: the claimer whose lease this very call has ended.
local function guard(id, token, homes)
  local state = read_state(id)
  if not state or state.token ~= token then return nil, 'LOST' end
  if state.word == 'running' then
    learnt.ended_for = state.claimer
    return state
  end
  return nil, homes[state.word] or 'LOST'
end
