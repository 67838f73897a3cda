-- crash: running -> ready (first), retrying in 5 s (second), failed `crashed` (third); a claimer's process died.
-- detail: JSON of its signal or exit_code, and of the input it worked on, which is suspect now (suspects.lua).
-- pause: the job does not come back sooner (ms), and then behind those that wait.
-- token: of the run in which it died; empty: of none that is known. What it had claimed ahead is handed back.
-- replies: OK, id, home | NONE
-- include: lose, give_up, suspect
local function crash(claimer, request, detail, pause, token)
  return give_up(claimer, request, token, function(id, state)
    suspect(id, state.token, detail)
    return lose(id, state, 'crashed', detail, pause + 0)
  end)
end
