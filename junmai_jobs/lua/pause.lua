-- pause: no job of these queues starts until resumed; none named: all queues, also those to come.
-- replies: OK
local function pause(...)
  if select('#', ...) == 0 then
    redis.call('DEL', paused)
    redis.call('HSET', paused, '*', '1')
  end
  for _, queue in ipairs({...}) do redis.call('HSET', paused, queue, '1') end
  return {'OK'}
end
