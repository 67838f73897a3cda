-- Values that were made before, by what they were made of: "till value" each, till in ms or empty. cache_uses has a
-- member for each of them; one that has no value any more does no harm, and goes when it is the longest unused.
local function forget_cached(key)
  redis.call('HDEL', cached, key)
  redis.call('ZREM', cache_uses, key)
end

-- The run with this token has made a value, or been spared that, which is counted once for a run and a key. What a
-- count becomes is written, not what is added: half a call that a torn log repeats counts nothing twice.
local function note_use(key, token, count)
  if tonumber(redis.call('ZSCORE', cache_uses, key)) == tonumber(token) then return end
  redis.call('ZADD', cache_uses, token, key)
  redis.call('HSET', meta, count, string.format('%.0f', (tonumber(redis.call('HGET', meta, count)) or 0) + 1))
end
