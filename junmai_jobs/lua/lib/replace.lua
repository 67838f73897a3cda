-- include: queue_keys, bell, waiting, unique, join
-- A unique job that keeps the last: one that waits takes another's body, all but its queue and priority, and if
-- there is a delay it waits anew. Its dependencies stay.
local function replace(id, delay, body, extras)
  local _, _, _, keep = unique_of(extras)
  local old = redis.call('HGET', bodies, id)
  local state = read_state(id)
  local found = state or waiting_state(id, old)
  local frame = string.match(old or '', '^.[^|\n]*|%d+')
  if keep ~= 'last' or not frame or not found or not is_waiting[found.word] then return end
  local batch = extra(extras_in(old), 'b')
  if batch and batch ~= extra(extras, 'b') then redis.call('ZREM', members, batch .. ' ' .. id) end
  join(id, extras)
  redis.call('HSET', bodies, id, frame .. string.match(body, '^.[^|\n]*|%d+(.*)$'))
  if tonumber(delay) == 0 or (found.word ~= 'ready' and found.word ~= 'scheduled') then return end
  local home, was_ready = queue_key(found.queue, 'scheduled'), found.word == 'ready'
  redis.call('ZADD', home, now + delay, id)
  if state then
    state.word = 'scheduled'
    write_state(id, state)
  end
  if was_ready then redis.call('ZREM', queue_key(found.queue, 'ready'), id) end
  if redis.call('ZRANGE', home, 0, 0)[1] == id then ring(alarm) end
end
