-- promote: scheduled, retrying -> ready when due; blocked -> ready when a limit has room; at most 100 jobs a call.
-- replies: OK, milliseconds until the next is due (empty: none) | MORE
-- include: now, queue_keys, bell, score, state
-- seldom: unpark_due
local function promote_job(id, queue, word)
  local home, state = queue_key(queue, word), read_state(id)
  local body = redis.call('HGET', bodies, id)
  if body and (not state or state.word == word) then
    redis.call('ZADD', queue_key(queue, 'ready'), ready_score(priority_of(id, state), next_sequence(1)), id)
    if state then
      state.word = 'ready'
      write_state(id, state)
    end
  end
  redis.call('ZREM', home, id)
end

local function promote(...)
  local left, next_due = 100, nil
  for _, queue in ipairs({...}) do
    for _, word in ipairs({'scheduled', 'retrying'}) do
      local home = queue_key(queue, word)
      local due = redis.call('ZRANGEBYSCORE', home, '-inf', now, 'LIMIT', 0, left)
      for _, id in ipairs(due) do promote_job(id, queue, word) end
      if #due > 0 then ring_queue(queue) end
      left = left - #due
      if left == 0 then return {'MORE'} end
      local head = redis.call('ZRANGE', home, 0, 0, 'WITHSCORES')
      if head[1] and (not next_due or head[2] - now < next_due) then next_due = head[2] - now end
    end
  end
  local limit_due = redis.call('ZRANGE', limits_due, 0, 0, 'WITHSCORES')
  if limit_due[1] and tonumber(limit_due[2]) <= now then
    left = left - seldom().unpark_due(left)
    if left <= 0 then return {'MORE'} end
    limit_due = redis.call('ZRANGE', limits_due, 0, 0, 'WITHSCORES')
  end
  if limit_due[1] and (not next_due or limit_due[2] - now < next_due) then next_due = limit_due[2] - now end
  -- One that is no time was not put there by us.
  if next_due and next_due > 1e15 then next_due = nil end
  return {'OK', next_due and string.format('%.0f', next_due) or ''}
end
