-- prune: finished -> gone, one status: older than max_age (ms) or beyond the newest `keep`; 15 jobs a call.
-- A parent stays while a child still needs its outcome, and a job while its unique key answers with it.
-- after: how many of the oldest were found to stay by the calls before.
-- replies: OK | MORE, how many stay
-- Of more than 500 queues the empty ones are forgotten too.
-- include: finish, waiting, children, readers, unique, own, forget_queues
local most, crowd = 15, 500

local function forget_marks(id, body)
  local extras = extras_in(body)
  local key, batch = unique_of(extras), extra(extras, 'b')
  local owner = key and string.match(redis.call('HGET', uniques, key) or '', '^%S+')
  if owner == id then pass_key_on(key) end
  if batch then redis.call('ZREM', members, batch .. ' ' .. id) end
end

-- A command for all of them. One that is at home elsewhere only leaves this home, where it never was.
local function forget(ids, stored, home, word)
  local known, over = redis.call('HMGET', states, unpack(ids)), {}
  for index, id in ipairs(ids) do
    local state = state_in(known[index]) or waiting_state(id, stored[index])
    if not state or state.word == word then
      if extras_in(stored[index]) then forget_marks(id, stored[index]) end
      over[#over + 1] = id
    end
  end
  if over[1] then
    for _, hash in ipairs({results, histories, progress_notes, checkpoints, log_lines, states, bodies}) do
      redis.call('HDEL', hash, unpack(over))
    end
    redis.call('ZREM', expiring, unpack(over))
  end
  redis.call('ZREM', home, unpack(ids))
end

local function must_stay(id, body)
  local key = unique_of(extras_in(body))
  return has_children(id) or is_read_by_a_child(id) or (key and owner_of(key) == id)
end

local function prune(word, max_age, keep, after)
  if redis.call('ZCARD', queues) > crowd then forget_queues() end
  local home = finished_home(word)
  local surplus = redis.call('ZCARD', home) - keep - after
  local oldest = redis.call('ZRANGE', home, after, after + most - 1, 'WITHSCORES')
  local ids, gone, gone_bodies = {}, {}, {}
  for index = 1, #oldest, 2 do
    if #ids >= surplus and tonumber(oldest[index + 1]) >= now - max_age then break end
    ids[#ids + 1] = oldest[index]
  end
  local stored = ids[1] and redis.call('HMGET', bodies, unpack(ids)) or {}
  for index, id in ipairs(ids) do
    if must_stay(id, stored[index]) then
      after = after + 1
    else
      gone[#gone + 1], gone_bodies[#gone + 1] = id, stored[index]
    end
  end
  if gone[1] then forget(gone, gone_bodies, home, word) end
  return #ids == most and {'MORE', string.format('%.0f', after)} or {'OK'}
end
