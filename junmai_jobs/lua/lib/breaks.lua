-- include: queue_keys
-- What examine finds: of a law that is broken its word, the id or key where it is, and what is seen there.
-- learnt.broken: all that this call has found; learnt.mends: whether it is to mend it.
local function breaks(law, where, seen)
  local list = learnt.broken
  local last = #list
  list[last + 1], list[last + 2], list[last + 3] = law, where, seen
  return learnt.mends
end

-- Of bodies that one call reads, if it is more than one.
local most_bytes = 262144

-- Where a key's own goes which is not ours; whatever else stands there makes way.
local function aside_of(key, wanted)
  local aside = aside_key(key)
  local found = redis.call('TYPE', aside).ok
  if found ~= wanted and found ~= 'none' then redis.call('RENAME', aside, aside .. ':' .. digits(now_us)) end
  return aside
end

-- What is not ours, or cannot be read, is never deleted: it goes into a key of its own beside ours.
local function set_member_aside(home, member)
  redis.call('ZADD', aside_of(home, 'zset'), redis.call('ZSCORE', home, member), member)
  redis.call('ZREM', home, member)
end

local function set_field_aside(hash, field)
  redis.call('HSET', aside_of(hash, 'hash'), field, redis.call('HGET', hash, field))
  redis.call('HDEL', hash, field)
end
