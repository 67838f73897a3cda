-- remember: a value is kept under a key, in the place of what was; for so many ms, or until others push it out. While
-- there are more than `most`, or all of them take more bytes than `room`, those that were unused for longest go, 100 a
-- call.
-- replies: OK
-- include: cached
local function remember(key, token, value, lasts, most, room)
  note_use(key, token, 'cache_misses')
  local entry = (lasts ~= '' and string.format('%.0f', now + lasts) or '') .. ' ' .. value
  local larger = #entry - redis.call('HSTRLEN', cached, key)
  redis.call('HSET', cached, key, entry)
  local bytes = note_bytes(larger)
  local surplus, excess = redis.call('ZCARD', cache_uses) - most, bytes - room
  if surplus <= 0 and excess <= 0 then return {'OK'} end
  local unused = {}
  for index, each in ipairs(redis.call('ZRANGE', cache_uses, 0, 99)) do
    if index > surplus and excess <= 0 then break end
    unused[index], excess = each, excess - redis.call('HSTRLEN', cached, each)
  end
  forget_cached(unused)
  return {'OK'}
end
