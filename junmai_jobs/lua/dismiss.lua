-- dismiss: a worker is told to stop in order, by a ring that says so; it takes the place of one that does not.
-- replies: OK | NOTFOUND
-- include: queue_keys
local function dismiss(worker)
  if redis.call('HEXISTS', worker_info, worker) == 0 then return {'NOTFOUND'} end
  local control = queue_key('@' .. worker, 'control')
  redis.call('DEL', control)
  redis.call('RPUSH', control, 'stop')
  return {'OK'}
end
