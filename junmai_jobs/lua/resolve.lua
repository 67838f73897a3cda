-- resolve: blocked -> ready, scheduled or cancelled, when a parent of theirs has finished; 15 children a call.
-- replies: OK | MORE
-- include: queue_keys, state, waiting, finish, range_of, unblock
local function cancel_child(child, state, reason)
  finish(child, state, 'cancelled', reason)
  redis.call('ZREM', queue_key(state.queue, 'blocked'), child)
end

-- What a blocked child does now that a parent is over: policy is the edge's, see lib/block.lua.
local function decide(child, state, parent, policy, well)
  if policy == 'cancel' and not well then return cancel_child(child, state, 'parent_failed') end
  if policy == 'failure' and not well then return unblock(child, state) end
  local low, high = range_of(child)
  local awaited = redis.call('ZRANGEBYLEX', parents, low, high, 'LIMIT', 0, 2)
  if #awaited > 1 or (awaited[1] and awaited[1] ~= child .. ' ' .. parent) then return end
  if policy == 'failure' then cancel_child(child, state, 'parents_succeeded') else unblock(child, state) end
end

local function tell(edge, well)
  local parent, child, policy = string.match(edge, '^(%S+) (%S+) (%a+)')
  if not policy then return redis.call('ZREM', children, edge) end -- it was not put there by us
  local exists = redis.call('HEXISTS', bodies, child) == 1
  -- The body is read only where it must be: that of a job with many parents is long.
  local state = read_state(child) or exists and waiting_state(child, redis.call('HGET', bodies, child))
  if state and not exists then
    redis.call('ZREM', queue_key(state.queue, 'blocked'), child)
    redis.call('HDEL', states, child)
  elseif state and state.word ~= 'blocked' then
    redis.call('ZREM', queue_key(state.queue, 'blocked'), child)
  elseif state and state.holds == '' then -- else it waits for room in a limit, and has its parents behind it
    decide(child, state, parent, policy, well)
  end
  redis.call('ZREM', parents, child .. ' ' .. parent)
  redis.call('ZREM', children, edge)
end

local function resolve()
  local left = 15
  for _, parent in ipairs(redis.call('ZRANGE', ended, 0, left - 1)) do
    local state = read_state(parent)
    local over = not state or finished_home(state.word)
    local low, high = range_of(parent)
    local edges = over and redis.call('ZRANGEBYLEX', children, low, high, 'LIMIT', 0, left) or {}
    for _, edge in ipairs(edges) do tell(edge, state and state.word == 'succeeded') end
    left = left - #edges
    if left == 0 then return {'MORE'} end
    redis.call('ZREM', ended, parent)
  end
  return {redis.call('ZCARD', ended) > 0 and 'MORE' or 'OK'}
end
