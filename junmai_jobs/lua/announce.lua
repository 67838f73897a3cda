-- announce: the jobs that have failed since the last call, each told to one caller alone; at most 100 by name.
-- What was told is kept as request|after|until (milliseconds), so that a repeated call is told the same.
-- replies: OK, count, id ...
local function announce(request)
  local kept, after, till = string.match(redis.call('HGET', meta, 'announced') or '', '^(.*)|(%d+)|(%d+)$')
  if kept ~= request then
    -- Not this millisecond: another job may fail in it yet. Nothing was told before the first call.
    local last = string.format('%.0f', now - 1)
    after = till and tonumber(till) < now and till or last
    till = last
    redis.call('HSET', meta, 'announced', request .. '|' .. after .. '|' .. till)
  end
  local ids = redis.call('ZRANGEBYSCORE', failed, '(' .. after, till, 'LIMIT', 0, 100)
  return {'OK', redis.call('ZCOUNT', failed, '(' .. after, till), unpack(ids)}
end
