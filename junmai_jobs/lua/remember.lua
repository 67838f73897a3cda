-- remember: a value is kept under a key, in the place of what was; for so many ms, or until others push it out. Of more
-- than `most` those that were unused for longest go, 100 a call.
-- replies: OK
-- include: cached
local function remember(key, token, value, lasts, most)
  note_use(key, token, 'cache_misses')
  redis.call('HSET', cached, key, (lasts ~= '' and string.format('%.0f', now + lasts) or '') .. ' ' .. value)
  local surplus = math.min(100, redis.call('ZCARD', cache_uses) - most)
  if surplus > 0 then
    for _, unused in ipairs(redis.call('ZRANGE', cache_uses, 0, surplus - 1)) do forget_cached(unused) end
  end
  return {'OK'}
end
