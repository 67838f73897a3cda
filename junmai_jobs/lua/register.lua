-- register: a worker shows that it is there. info: JSON for people and for workers on the same host.
-- replies: OK
-- include: now
local function register(worker, info)
  redis.call('HSET', worker_info, worker, info)
  redis.call('ZADD', workers, now, worker)
  return {'OK'}
end
