-- announce: the jobs that have failed since the last telling, each told to one caller alone; at most 100 by name.
-- Nothing is told within `window` ms after it. What was told is kept as request|after|until (milliseconds; the same
-- where nothing was), so that a repeated call is told the same.
-- replies: OK, count, id ...
local function announce(request, window)
  local kept, after, till = string.match(redis.call('HGET', meta, 'announced') or '', '^(.*)|(%d+)|(%d+)$')
  if kept ~= request then
    -- Not this millisecond: another job may fail in it yet. Nothing was told before the first call.
    local last = string.format('%.0f', now - 1)
    local told = till and tonumber(till) < now and till
    local is_early = told and told ~= after and now - told < tonumber(window)
    if is_early or (told and redis.call('ZCOUNT', failed, '(' .. told, last) == 0) then return {'OK', 0} end
    after, till = told or last, last
    redis.call('HSET', meta, 'announced', request .. '|' .. after .. '|' .. till)
  end
  local ids = redis.call('ZRANGEBYSCORE', failed, '(' .. after, till, 'LIMIT', 0, 100)
  return {'OK', redis.call('ZCOUNT', failed, '(' .. after, till), unpack(ids)}
end
