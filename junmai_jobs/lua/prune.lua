-- prune: finished -> gone, one status: older than max_age (ms) or beyond the newest `keep`; 100 jobs a call.
-- A parent stays while a child still needs its outcome, and a job while its unique key answers with it.
-- after: how many of the oldest were found to stay by the calls before.
-- replies: OK | MORE, how many stay
-- include: now, finish, children, readers, unique
local function forget(id, home, word, body)
  local state = read_state(id)
  if not state or state.word == word then
    local extras = extras_in(body)
    local key, batch = unique_of(extras), extra(extras, 'b')
    local owner = key and string.match(redis.call('HGET', uniques, key) or '', '^%S+')
    if owner == id then redis.call('HDEL', uniques, key) end
    if batch then redis.call('ZREM', members, batch .. ' ' .. id) end
    for _, hash in ipairs({results, histories, progress_notes, checkpoints, log_lines, states, bodies}) do
      redis.call('HDEL', hash, id)
    end
    redis.call('ZREM', expiring, id)
  end
  redis.call('ZREM', home, id)
end

local function must_stay(id, body)
  local key = unique_of(extras_in(body))
  return has_children(id) or is_read_by_a_child(id) or (key and owner_of(key) == id)
end

local function prune(word, max_age, keep, after)
  local home = finished_homes[word]
  local surplus = redis.call('ZCARD', home) - keep
  local oldest = redis.call('ZRANGE', home, after, after + 99, 'WITHSCORES')
  local looked = after + 0
  for index = 1, #oldest, 2 do
    local id, finished = oldest[index], tonumber(oldest[index + 1])
    if looked >= surplus and finished >= now - max_age then return {'OK'} end
    local body = redis.call('HGET', bodies, id)
    if must_stay(id, body) then after = after + 1 else forget(id, home, word, body) end
    looked = looked + 1
  end
  return #oldest == 200 and {'MORE', string.format('%.0f', after)} or {'OK'}
end
