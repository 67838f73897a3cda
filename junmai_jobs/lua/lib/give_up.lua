-- include: leased
-- A worker's dead or stopping slot gives back what it holds: once a request, and only in its own generation.
local function give_up(claimer, request, return_job)
  local record = read_record(claimer)
  if not record then return {'NONE'} end
  if record.request == request then return {'OK', record.id, record.answer} end
  if string.match(record.request, '^%d+') ~= string.match(request, '^%d+') then return {'NONE'} end
  local state = leased_state(record)
  if not state then return {'NONE'} end
  local home = return_job(record.id, state)
  write_record(claimer, request, record.id, '', home)
  return {'OK', record.id, home}
end
