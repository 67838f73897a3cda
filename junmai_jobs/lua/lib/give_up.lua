-- include: leased, hand_back
-- A worker's dead or stopping slot gives back what it holds: once a request, and only in its own generation.
-- end_run: of the run with this token, all others are handed back. Replies for that run, or for the first.
local function give_up(claimer, request, token, end_run)
  local record = read_record(claimer)
  if not record then return {'NONE'} end
  if record.request == request then return {'OK', record.id, record.answer} end
  if string.match(record.request, '^%d+') ~= string.match(request, '^%d+') then return {'NONE'} end
  local leases, id, home = leases_of(record), nil, nil
  for _, each in ipairs(leases) do
    local ran = each.state.token == token or (token == '' and not leases[2])
    local to = (ran and end_run or hand_back)(each.id, each.state)
    if ran or not id then id, home = each.id, to end
  end
  if not id then return {'NONE'} end
  write_record(claimer, request, id, '', home)
  return {'OK', id, home}
end
