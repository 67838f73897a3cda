-- include: queue_keys, bell, waiting, unique, join, band
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
  if tonumber(delay) <= 0 or (found.word ~= 'ready' and found.word ~= 'scheduled') then return end
  local home, line = queue_key(found.queue, 'scheduled'), queue_key(found.queue, 'ready')
  local place = redis.call('ZSCORE', line, id) or ''
  if is_look(place) then found.score, state = place, found end
  redis.call('ZADD', home, now + delay, id)
  if state then
    state.word = 'scheduled'
    write_state(id, state)
  end
  if place ~= '' then redis.call('ZREM', line, id) end
  if redis.call('ZRANGE', home, 0, 0)[1] == id then ring(alarm) end
end
