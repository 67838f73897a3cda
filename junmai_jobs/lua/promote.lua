-- promote: scheduled, retrying -> ready when due; blocked -> ready when a limit has room; 25 jobs a call.
-- replies: OK, milliseconds until the next is due (empty: none) | MORE
-- include: queue_keys, bell, score, state, next_unpark, unpark_due
-- All that of one home are due: those that are true get places behind all that wait; a command for all, where it can.
local function promote_jobs(ids, queue, word)
  local known, stored = redis.call('HMGET', states, unpack(ids)), redis.call('HMGET', bodies, unpack(ids))
  local moving, claimed, places = {}, {}, {}
  for index, id in ipairs(ids) do
    local state = state_in(known[index])
    if stored[index] and (not state or state.word == word) then
      moving[#moving + 1] = {id, priority_in(state, stored[index])}
      claimed[id] = state
    end
  end
  local sequence = moving[1] and next_sequence(#moving)
  for index, job in ipairs(moving) do
    places[2 * index - 1], places[2 * index] = place_in(claimed[job[1]], job[2], sequence + index - 1), job[1]
  end
  if sequence then redis.call('ZADD', queue_key(queue, 'ready'), unpack(places)) end
  for id, state in pairs(claimed) do
    state.word = 'ready'
    write_state(id, state)
  end
  redis.call('ZREM', queue_key(queue, word), unpack(ids))
  ring_queue(queue)
end

local function promote(...)
  local left, next_due = 25, nil
  for _, queue in ipairs({...}) do
    for _, word in ipairs({'scheduled', 'retrying'}) do
      local home = queue_key(queue, word)
      local due = redis.call('ZRANGEBYSCORE', home, '-inf', now, 'LIMIT', 0, left)
      if due[1] then promote_jobs(due, queue, word) end
      left = left - #due
      if left == 0 then return {'MORE'} end
      local head = redis.call('ZRANGE', home, 0, 0, 'WITHSCORES')
      if head[1] and (not next_due or head[2] - now < next_due) then next_due = head[2] - now end
    end
  end
  local limit_due = next_unpark()
  if limit_due == 0 then
    left = left - unpark_due(left)
    if left <= 0 then return {'MORE'} end
    limit_due = next_unpark()
  end
  if limit_due and (not next_due or limit_due < next_due) then next_due = limit_due end
  -- One that is no time was not put there by us.
  if next_due and next_due > 1e15 then next_due = nil end
  return {'OK', next_due and string.format('%.0f', next_due) or ''}
end
