-- crash: running -> ready (first), retrying in 5 s (second), failed `crashed` (third); a claimer's process died.
-- replies: OK, id, home | NONE
-- include: now, lose, give_up
local function crash(claimer, request, detail)
  return give_up(claimer, request, function(id, state) return lose(id, state, 'crashed', detail) end)
end
