-- register: a worker shows that it is there. info: JSON for people and for workers on the same host.
-- replies: OK
-- include: now
local function register(worker, info)
  redis.call('HSET', worker_info, worker, info)
  redis.call('ZADD', workers, now, worker)
  -- What fails from the first worker's first moment on is told, see announce.
  if redis.call('HEXISTS', meta, 'announced') == 0 then
    redis.call('HSET', meta, 'announced', string.format('|%.0f|%.0f', now, now))
  end
  return {'OK'}
end
