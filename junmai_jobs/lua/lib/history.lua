-- One JSON line for each run that did not succeed, newest last; the oldest go when it grows too long.
-- detail is a JSON object made by the caller: error, signal, exit_code.
local history_limit = 131072

local function add_history(id, state, event, detail)
  local line = string.format(
    '{"attempt":%d,"event":"%s","token":"%s","finished":%.0f,"worker":"%s","detail":%s}\n',
    state.failures + 1, event, state.token, now, state.claimer, detail)
  local text = (redis.call('HGET', histories, id) or '') .. line
  if #text > history_limit then
    text = string.sub(text, string.find(text, '\n', #text - history_limit, true) + 1)
    if text == '' then text = line end
  end
  redis.call('HSET', histories, id, text)
end

-- A run is over and the job is not done: true if that is the end of it, because somebody asked to cancel.
local function record_run(id, state, event, detail)
  local wanted = state.note == 'cancel'
  add_history(id, state, wanted and 'cancelled' or event, detail)
  return wanted
end
