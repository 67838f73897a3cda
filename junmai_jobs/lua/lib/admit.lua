-- include: queue_keys, bell, state, limits, parked_entry
-- A head whose limit has no room leaves the line and keeps its score: it is parked. It comes back when a holder ends
-- (let_go), or when promote finds room (thaws).
local function park(id, queue, score, state, spec, due, key)
  state = state or new_state('ready', queue)
  redis.call('ZADD', queue_key(queue, 'blocked'), now, id)
  local low, high = range_of(key)
  local first = not redis.call('ZRANGEBYLEX', parked, low, high, 'LIMIT', 0, 1)[1]
  redis.call('ZADD', parked, 0, parked_entry(key, score, id))
  state.word, state.score, state.holds = 'blocked', score, key
  write_state(id, state)
  redis.call('ZADD', thaws, 'LT', due, spec)
  if first then ring(alarm) end
  redis.call('ZREM', queue_key(queue, 'ready'), id)
end

-- What the job will hold, machine included; nil: it was parked.
local function admit(id, queue, score, state, extras, machine)
  local concurrency, rate = extra(extras, 'c'), extra(extras, 'r')
  for _, spec in ipairs({concurrency or rate, concurrency and rate}) do
    local room, due, key = room_in(spec)
    if room <= 0 then
      park(id, queue, score, state, spec, due, key)
      return nil
    end
  end
  local holds = machine
  if rate then
    local key, _, span = string.match(rate, '^([^,]+),(%d+),(%d+)$')
    redis.call('ZADD', starts, 0, start_of(key, now_us) .. ' ' .. id)
    redis.call('ZADD', thaws, 'NX', now + span, rate)
  end
  if concurrency then
    local key = string.match(concurrency, '^[^,]+')
    holds = holds .. (holds ~= '' and ';' or '') .. key
  end
  return holds
end
