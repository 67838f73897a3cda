-- forget: what is kept under these keys, at most 100, is gone. Of the rest, which were unused for longest, up to 100.
-- replies: OK, keys
-- include: cached
local function forget(...)
  forget_cached({...})
  return {'OK', unpack(redis.call('ZRANGE', cache_uses, 0, 99))}
end
