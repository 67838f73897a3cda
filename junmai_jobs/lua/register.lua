-- register: a worker shows that it is there. info: JSON for people and for workers on the same host.
-- governed: the governor lets it run more or less than before, in words; else empty.
-- replies: OK
-- include: event
local function register(worker, info, governed)
  local known = redis.call('HGET', worker_info, worker)
  if governed ~= '' and known ~= info then note_event('governed', worker, '', governed) end
  redis.call('HSET', worker_info, worker, info)
  redis.call('ZADD', workers, now, worker)
  -- What fails from the first worker's first moment on is told, see announce.
  if redis.call('HEXISTS', meta, 'announced') == 0 then
    redis.call('HSET', meta, 'announced', string.format('|%.0f|%.0f', now, now))
  end
  return {'OK'}
end
