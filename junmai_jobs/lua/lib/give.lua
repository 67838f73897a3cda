-- What a claimer is told of a job that it gets: id, token, body, and failures|holds|note, empty for one that is new.
local function give(reply, id, state, body)
  local last, note = #reply, state.note == 'ahead' and '' or state.note
  reply[last + 1], reply[last + 2], reply[last + 3], reply[last + 4] = id, state.token, body, ''
  if state.failures ~= '0' or state.holds ~= '' or note ~= '' then
    reply[last + 4] = state.failures .. '|' .. state.holds .. '|' .. note
  end
end
