-- resolve: blocked -> ready, scheduled or cancelled, when a parent of theirs has finished; 100 children a call.
-- replies: OK | MORE
-- include: now, queue_keys, bell, score, state, waiting, finish
local function unblock(child, state, delay)
  if delay > 0 then
    redis.call('ZADD', queue_key(state.queue, 'scheduled'), now + delay, child)
    ring(alarm)
  else
    redis.call('ZADD', queue_key(state.queue, 'ready'), ready_score(priority_of(child), next_sequence(1)), child)
    ring_queue(state.queue)
  end
  redis.call('ZREM', queue_key(state.queue, 'blocked'), child)
  redis.call('HDEL', states, child)
end

local function tell(child, parent, succeeded_well)
  local body = redis.call('HGET', bodies, child)
  local state = read_state(child) or waiting_state(child, body)
  if state and state.word == 'blocked' then
    local policy, delay = string.match(state.note, '^(%a+):(%d+)$')
    local awaited = redis.call('ZRANGEBYLEX', parents, '[' .. child .. ' ', '(' .. child .. '!', 'LIMIT', 0, 2)
    if body and not succeeded_well and policy ~= 'continue' then
      finish(child, state, 'cancelled', 'parent_failed')
      redis.call('ZREM', queue_key(state.queue, 'blocked'), child)
    elseif #awaited == 0 or (#awaited == 1 and awaited[1] == child .. ' ' .. parent) then
      unblock(child, state, tonumber(delay or 0))
    end
  elseif state then
    redis.call('ZREM', queue_key(state.queue, 'blocked'), child)
  end
  redis.call('ZREM', parents, child .. ' ' .. parent)
  redis.call('ZREM', children, parent .. ' ' .. child)
end

local function resolve()
  local left = 100
  for _, parent in ipairs(redis.call('ZRANGE', ended, 0, 99)) do
    local state = read_state(parent)
    local over = not state or finished_homes[state.word]
    local edges = over and
      redis.call('ZRANGEBYLEX', children, '[' .. parent .. ' ', '(' .. parent .. '!', 'LIMIT', 0, left) or {}
    for _, edge in ipairs(edges) do
      tell(string.sub(edge, #parent + 2), parent, state and state.word == 'succeeded')
    end
    left = left - #edges
    if left == 0 then return {'MORE'} end
    redis.call('ZREM', ended, parent)
  end
  return {redis.call('ZCARD', ended) > 0 and 'MORE' or 'OK'}
end
