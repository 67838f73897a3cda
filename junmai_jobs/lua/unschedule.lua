-- unschedule: a schedule is gone; the jobs of its ticks stay. The last request is kept, so that a repeated call
-- has the same answer.
-- replies: OK | NOTFOUND
local function unschedule(name, request)
  if redis.call('HEXISTS', schedules, name) == 0 then
    return {redis.call('HGET', meta, 'unscheduled') == request and 'OK' or 'NOTFOUND'}
  end
  redis.call('HSET', meta, 'unscheduled', request)
  redis.call('ZREM', ticks, name)
  redis.call('HDEL', schedules, name)
  return {'OK'}
end
