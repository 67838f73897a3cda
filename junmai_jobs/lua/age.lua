-- age: of each queue given, the job that has waited longest gets the highest priority once it has waited `bound` ms.
-- At most one round a second, whoever asks, so that urgent jobs are held up by one job a second at most; the next
-- one follows when it has started.
-- replies: OK
-- include: queue_keys, longest_waiting, reprioritize
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
