-- resume: jobs of these queues may start again; none named: of all queues.
-- replies: OK
-- include: pass_ring_on
local function resume(...)
  local names = {...}
  if #names == 0 then
    redis.call('DEL', paused)
    names = redis.call('ZRANGE', queues, 0, 999)
  elseif redis.call('HEXISTS', paused, '*') == 1 then
    for _, queue in ipairs(names) do redis.call('HSET', paused, queue, '0') end
  else
    redis.call('HDEL', paused, unpack(names))
  end
  pass_ring_on(names)
  for _, queue in ipairs(names) do
    pass_ring_on(redis.call('ZRANGEBYLEX', queues, '[' .. queue .. '+', '(' .. queue .. ',', 'LIMIT', 0, 16))
  end
  return {'OK'}
end
