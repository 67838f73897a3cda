-- include: queue_keys, bell, body, state, holders, parked_entry, checkpoint_mark
-- Of a job whose state is damaged, or was never written because a log was torn, the entry is what is known.
local function state_of(id, key, score)
  local state = read_state(id)
  local _, queue = read_header(not state and redis.call('HGET', bodies, id))
  if queue then
    state = new_state('blocked', queue)
    state.score, state.holds = string.format('%.0f', score), key
  end
  return state
end

-- The first of those that wait for room in a limit come back to their places in line. An entry counts only if it is
-- what the state says: a job that was cancelled and revived may wait elsewhere. Returns how many came back.
local function unpark(key, count)
  local low, high = range_of(key)
  local back = 0
  for _, entry in ipairs(redis.call('ZRANGEBYLEX', parked, low, high, 'LIMIT', 0, 100)) do
    if back >= count then return back end
    local score, id = string.match(entry, ' (%d+) (%S+)$')
    local state = id and state_of(id, key, score) -- else it is no entry, and was not put there by us
    local waits = state and state.word == 'blocked'
    if waits and state.holds == key and parked_entry(key, state.score, id) == entry then
      redis.call('ZADD', queue_key(state.queue, 'ready'), state.score, id)
      state.word, state.holds = 'ready', checkpoint_mark_of(id)
      write_state(id, state)
      ring_queue(state.queue)
      back = back + 1
    end
    if state and state.word ~= 'blocked' then redis.call('ZREM', queue_key(state.queue, 'blocked'), id) end
    redis.call('ZREM', parked, entry)
  end
  return back
end
