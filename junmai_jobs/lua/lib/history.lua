-- include: newest_lines
-- One JSON line for each run that did not succeed, newest last; the oldest go when it grows too long.
-- detail is a JSON object made by the caller: error, signal, exit_code.
local history_limit = 131072

local function add_history(id, state, event, detail)
  local line = string.format(
    '{"attempt":%d,"event":"%s","token":"%s","finished":%.0f,"worker":"%s","detail":%s}\n',
    state.failures + 1, event, state.token, now, state.claimer, detail)
  local text = newest_lines((redis.call('HGET', histories, id) or '') .. line, history_limit)
  redis.call('HSET', histories, id, text == '' and line or text)
end

-- A run is over and the job is not done: true if that is the end of it, because somebody asked to cancel.
local function record_run(id, state, event, detail)
  local wanted = state.note == 'cancel'
  add_history(id, state, wanted and 'cancelled' or event, detail)
  return wanted
end
