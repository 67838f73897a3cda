-- learn: what runs took is put before what is known of runs like them, of which the newest are kept: so many bytes of
-- a name. Of more names than are kept those go of which nothing was learnt for longest, 100 a call. If the same request
-- arrives twice, but after another one, what it brings counts twice, until it is pushed out.
-- ...: at most 100 names, each with what is to be put before, see estimates.py
-- replies: OK
local names_kept = 3000

local function learn(request, bytes, ...)
  if redis.call('HGET', meta, 'learnt') == request then return {'OK'} end
  local list = {...}
  for at = 1, #list, 2 do
    local name, fresh = list[at], list[at + 1]
    local known = redis.call('HGET', observations, name) or ''
    redis.call('ZADD', observed, now, name)
    redis.call('HSET', observations, name, string.sub(fresh .. known, 1, bytes))
  end
  redis.call('HSET', meta, 'learnt', request)
  local surplus = math.min(100, redis.call('ZCARD', observed) - names_kept)
  if surplus > 0 then
    local oldest = redis.call('ZRANGE', observed, 0, surplus - 1)
    redis.call('HDEL', observations, unpack(oldest))
    redis.call('ZREM', observed, unpack(oldest))
  end
  return {'OK'}
end
