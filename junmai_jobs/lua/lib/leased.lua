-- include: claimer, state
-- The leases of a record that still stand, in the order in which they were given: id and state of each. None, if all of
-- them have ended in this very call: see succeed_row.
local function leases_of(record)
  local found = {}
  local function look(id, token)
    local state = token ~= '' and read_state(id)
    if state and state.word == 'running' and state.token == token then
      found[#found + 1] = {id = id, state = state}
    end
  end
  local over = learnt.ended_row
  if record and not (over and over.token == record.token and over.ahead == record.ahead) then
    look(record.id, record.token)
    for id, token in string.gmatch(record.ahead, '(%S+) (%d+)') do look(id, token) end
  end
  return found
end
