-- inherit: what finished jobs have returned, for a child of theirs that reads it; at most 100.
-- replies: OK, then for each the word of its state (empty: it is not kept; expired: its result is not) and its result
-- include: state
local function inherit(...)
  local ids, reply = {...}, {'OK'}
  for index, data in ipairs(redis.call('HMGET', results, unpack(ids))) do
    local state = read_state(ids[index])
    local word = state and state.word or ''
    if state and state.note == 'result_expired' and not data then word = 'expired' end
    reply[2 * index], reply[2 * index + 1] = word, data or ''
  end
  return reply
end
