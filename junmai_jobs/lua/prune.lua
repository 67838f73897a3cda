-- prune: finished -> gone, one status: older than max_age (ms) or beyond the newest `keep`; 100 jobs a call.
-- A parent stays while a child still needs its outcome.
-- replies: OK | MORE
-- include: now, finish, children

local function forget(id, home, word)
  local state = read_state(id)
  if not state or state.word == word then
    for _, key in ipairs({results, histories, progress_notes, states, bodies}) do redis.call('HDEL', key, id) end
  end
  redis.call('ZREM', home, id)
end

local function prune(word, max_age, keep)
  local home = finished_homes[word]
  local surplus = redis.call('ZCARD', home) - keep
  local oldest = redis.call('ZRANGE', home, 0, 99, 'WITHSCORES')
  local forgotten = 0
  for index = 1, #oldest, 2 do
    local id, finished = oldest[index], tonumber(oldest[index + 1])
    if forgotten >= surplus and finished >= now - max_age then return {'OK'} end
    if not has_children(id) then
      forget(id, home, word)
      forgotten = forgotten + 1
    end
  end
  return {forgotten == 100 and 'MORE' or 'OK'}
end
