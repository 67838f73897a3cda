-- age: the job that waits longest in each queue given, once it has for `bound` ms, gets the highest priority.
-- One round a second, whoever asks: what was overtaken so long starts soon, and what is urgent is not drowned.
-- The next in a queue follows when the one before it has started.
-- replies: OK
-- include: now, queue_keys, longest_waiting, reprioritize
local function age(bound, ...)
  local last = tonumber(redis.call('HGET', meta, 'aged') or '')
  if last and seconds_apart(now, last) < 1 then return {'OK'} end
  redis.call('HSET', meta, 'aged', string.format('%.0f', now))
  local sequence = sequence_before(bound)
  if not sequence then return {'OK'} end
  for _, queue in ipairs({...}) do
    local home = queue_key(queue, 'ready')
    local id, place = longest_waiting(home, sequence)
    if id then
      reprioritize(id, '10')
      -- Also one that cannot be read: claim, which sorts it out, has to come to it.
      redis.call('ZADD', home, ready_score(10, place), id)
    end
  end
  return {'OK'}
end
