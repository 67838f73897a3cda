-- include: claimer
-- The state of the job whose lease the record stands for, or nil when that lease is over.
local function leased_state(record)
  if not record or record.token == '' then return nil end
  local state = read_state(record.id)
  if state and state.word == 'running' and state.token == record.token then return state end
end
