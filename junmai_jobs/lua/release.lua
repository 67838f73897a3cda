-- release: running -> ready, first again; a claimer gives its jobs back unfinished, no retry is spent.
-- but: the token of its run that goes on, while only what it has claimed ahead is given back; empty: all.
-- replies: OK, id, home (ready or cancelled) of the first | NONE
-- include: hand_back, give_up
local function release_others(claimer, but)
  local leases, goes_on = leases_of(read_record(claimer)), false
  for _, each in ipairs(leases) do goes_on = goes_on or each.state.token == but end
  for _, each in ipairs(goes_on and leases or {}) do
    if each.state.token ~= but then hand_back(each.id, each.state) end
  end
  return {'NONE'}
end

local function release(claimer, request, but)
  return but == '' and give_up(claimer, request, '', hand_back) or release_others(claimer, but)
end
