-- include: queue_keys, bell, state, limits, parked_entry, unpark, put_aside
-- A head whose limit has no room leaves the line and keeps its score: it is parked. It comes back when a holder ends
-- (let_go), or when its limit is looked at again (unpark_due).
local function park(id, queue, score, state, spec, due, key)
  state = state or new_state('ready', queue)
  redis.call('ZADD', queue_key(queue, 'blocked'), now, id)
  local low, high = range_of(key)
  local first = not redis.call('ZRANGEBYLEX', parked, low, high, 'LIMIT', 0, 1)[1]
  redis.call('ZADD', parked, 0, parked_entry(key, score, id))
  state.word, state.score, state.holds = 'blocked', score, key
  write_state(id, state)
  redis.call('ZADD', limits_due, 'LT', due, spec)
  if first then ring(alarm) end
  redis.call('ZREM', queue_key(queue, 'ready'), id)
end

-- Whether the head may pass one limit. If not, it is parked, or those that wait before it come back.
local function pass_limit(id, queue, score, state, spec)
  local room, due, key = room_in(spec)
  if room <= 0 then
    park(id, queue, score, state, spec, due, key)
    return false
  end
  local low = range_of(key)
  local before = redis.call('ZRANGEBYLEX', parked, low, '(' .. parked_entry(key, score, ''), 'LIMIT', 0, 1)[1]
  if before then unpark(key, math.min(room, 16)) end
  return not before
end

-- What the job will hold, machine included; nil: it was parked, or others came back before it, or its limits are none.
local function admit(id, queue, score, state, body, extras, machine)
  local concurrency, rate, sound = limits_in(extras)
  if not sound then
    put_aside(id, queue, state, body, false)
    return nil
  end
  if concurrency and not pass_limit(id, queue, score, state, concurrency) then return nil end
  if rate and not pass_limit(id, queue, score, state, rate) then
    -- The room that it leaves is for who waits for that alone.
    if concurrency then unpark((parts_of(concurrency)), 1) end
    return nil
  end
  local holds = machine
  if rate then
    local key, _, span = parts_of(rate)
    redis.call('ZADD', starts, 0, start_entry(key, now_us) .. ' ' .. id)
    redis.call('ZADD', limits_due, 'LT', now + span, rate)
  end
  if concurrency then
    local key = parts_of(concurrency)
    holds = holds .. (holds ~= '' and ';' or '') .. key
  end
  return holds
end
