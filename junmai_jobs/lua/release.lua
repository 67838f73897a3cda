-- release: running -> ready, first again; a claimer gives its jobs back unfinished, no retry is spent.
-- behind: token of a run of its that goes on: only what was claimed after it goes back; what was claimed before it has
-- ended, and that will be told together with the end of this run. Empty: everything goes back.
-- replies: OK, id, home (ready or cancelled) of the first | NONE
-- include: hand_back, give_up
local function release_behind(claimer, token)
  local is_behind = false
  for _, each in ipairs(leases_of(read_record(claimer))) do
    if is_behind then hand_back(each.id, each.state) end
    is_behind = is_behind or each.state.token == token
  end
  return {'NONE'}
end

local function release(claimer, request, behind)
  if behind ~= '' then return release_behind(claimer, behind) end
  return give_up(claimer, request, '', hand_back)
end
