-- include: hand_back, postpone
-- The run was lost with its worker (event crashed or lost): first again at once, then in 5 s, then never. pause: it
-- does not come back sooner (ms). Whose claimer had claimed ahead and is lost without a word comes back and counts
-- nothing: nobody knows which of them ran, and each is claimed by itself from now on.
local function lose(id, state, event, detail, pause)
  local is_unknown = event == 'lost' and state.note == 'ahead'
  if take_back(id, state, event, detail) then return end_cancelled(id, state) end
  if is_unknown then return return_to_ready(id, state) end
  state.crashes = state.crashes + 1
  if state.crashes < 3 then
    local wait = math.max(pause, state.crashes == 1 and 0 or 5000)
    if wait == 0 then return return_to_ready(id, state) end
    return postpone(id, state, 'retrying', wait, '')
  end
  finish(id, state, 'failed', 'crashed')
  leave_leases(id, state)
  return 'failed'
end
