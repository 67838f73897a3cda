-- release: running -> ready, first again; a claimer gives its jobs back unfinished, no retry is spent.
-- but: the token of its run that goes on, while only what it was given behind that is given back; empty: all. What it
-- was given before has ended, and that will be told together with the end of this run.
-- replies: OK, id, home (ready or cancelled) of the first | NONE
-- include: hand_back, give_up
local function release_behind(claimer, but)
  local goes_on = false
  for _, each in ipairs(leases_of(read_record(claimer))) do
    if goes_on then hand_back(each.id, each.state) end
    goes_on = goes_on or each.state.token == but
  end
  return {'NONE'}
end

local function release(claimer, request, but)
  return but == '' and give_up(claimer, request, '', hand_back) or release_behind(claimer, but)
end
