-- Values that were made before, by what they were made of: "till value" each, till in ms or empty. cache_uses has a
-- member for each of them; one that has no value any more does no harm, and goes when it is the longest unused.

-- They take so many bytes more; how many that makes. It is written as what it becomes; where a log was torn it may be
-- off by a value or two, until nothing is kept any more.
local function note_bytes(more)
  local bytes = math.max(0, (tonumber(redis.call('HGET', meta, 'cache_bytes')) or 0) + more)
  if redis.call('EXISTS', cached) == 0 then bytes = 0 end
  redis.call('HSET', meta, 'cache_bytes', string.format('%.0f', bytes))
  return bytes
end

local function forget_cached(keys)
  if not keys[1] then return end
  local size = 0
  for _, key in ipairs(keys) do size = size + redis.call('HSTRLEN', cached, key) end
  redis.call('HDEL', cached, unpack(keys))
  redis.call('ZREM', cache_uses, unpack(keys))
  if size > 0 then note_bytes(-size) end
end

-- The run with this token has made a value, or been spared that, which is counted once for a run and a key. What a
-- count becomes is written, not what is added: half a call that a torn log repeats counts nothing twice. A submission
-- has no token, but brings `?` and six digits of chance. With these for its last ones the time stands for a token, and
-- so a call that comes twice is known for a minute. `?` alone only looks: that is no use.
local function note_use(key, token, count)
  if token == '?' then return end
  local last = tonumber(redis.call('ZSCORE', cache_uses, key))
  local chance = tonumber(string.match(token, '^%?(%d+)$'))
  if chance and last and last % 1000000 == chance and math.abs(now_us - last) < 60000000 then return end
  if chance then token = digits(now_us - now_us % 1000000 + chance) end
  if last == tonumber(token) then return end
  redis.call('ZADD', cache_uses, token, key)
  redis.call('HSET', meta, count, string.format('%.0f', (tonumber(redis.call('HGET', meta, count)) or 0) + 1))
end
