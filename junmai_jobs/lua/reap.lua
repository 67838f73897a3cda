-- reap: running -> as crash, event lost, when the lease is over; the queues given, at most 20 jobs a call.
-- A reaper that comes more than half a lease late, or finds time run back, cannot tell the dead from those
-- who slept with it: it extends every lease once and counts nothing. Who reaps with another lease does not vouch for
-- it: the bridge looks at Lightroom's queue alone.
-- replies: OK | MORE
-- include: lose, score, longest_lease
-- Only when time ran back are longer leases cut: else they are those of a worker that asks for longer ones.
local function extend_all(names, lease, ran_back)
  local left = 100
  for _, queue in ipairs(names) do
    local home = queue_key(queue, 'leases')
    local far = string.format('%.0f', now + lease)
    for _, range in ipairs({{'-inf', now}, ran_back and {'(' .. far, '+inf'} or nil}) do
      local ids = redis.call('ZRANGEBYSCORE', home, range[1], range[2], 'LIMIT', 0, left)
      local scored = {}
      for index, id in ipairs(ids) do scored[2 * index - 1], scored[2 * index] = far, id end
      if ids[1] then redis.call('ZADD', home, unpack(scored)) end
      left = left - #ids
      if left == 0 then return false end
    end
  end
  return true
end

local function end_lease(id, queue)
  local state = read_state(id)
  local accepted = redis.call('HEXISTS', bodies, id) == 1
  if state and state.word == 'running' and accepted then return lose(id, state, 'lost', '{}', 0) end
  if accepted and not state then
    -- Its claim was torn, so that it is in ready still; or its state is damaged, and it starts afresh.
    local ready = queue_key(queue, 'ready')
    redis.call('ZADD', ready, 'NX', ready_score(priority_of(id), next_sequence(1)), id)
    ring_queue(queue)
  end
  redis.call('ZREM', queue_key(queue, 'leases'), id)
end

local function reap(lease, ...)
  local mark = 'reaped_at ' .. lease
  local last = tonumber(redis.call('HGET', meta, mark))
  local ran_back = last and now < last
  if not last or ran_back or now - last > lease / 2 then
    if not extend_all({...}, lease, ran_back) then return {'MORE'} end
  end
  redis.call('HSET', meta, mark, string.format('%.0f', now))
  local left = 20
  for _, queue in ipairs({...}) do
    local home = queue_key(queue, 'leases')
    local latest = string.format('(%.0f', now + longest_lease)
    for _, range in ipairs({{'-inf', string.format('(%.0f', now)}, {latest, '+inf'}}) do
      local over = redis.call('ZRANGEBYSCORE', home, range[1], range[2], 'LIMIT', 0, left)
      for _, id in ipairs(over) do end_lease(id, queue) end
      left = left - #over
      if left == 0 then return {'MORE'} end
    end
  end
  return {'OK'}
end
