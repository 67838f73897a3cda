-- release: running -> ready, first again; a claimer gives its job back unfinished, no retry is spent.
-- replies: OK, id, home (ready or cancelled) | NONE
-- include: hand_back, give_up
local function release(claimer, request)
  return give_up(claimer, request, hand_back)
end
