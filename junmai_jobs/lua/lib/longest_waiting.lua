-- include: score
local function seconds_apart(one, other)
  return math.abs(one - other) / 1000
end

-- Notes which sequence number was the last given by now, and returns the one that was a bound ago; nil: unknown.
-- So each place in the line tells how long it is taken by the server's time, and no job has to be written.
local function sequence_before(bound)
  local newest = redis.call('ZRANGE', ages, -1, -1, 'WITHSCORES')
  if not newest[2] or seconds_apart(now, newest[2]) >= math.max(1, bound / 1000000) then
    redis.call('ZADD', ages, 'LT', now, redis.call('HGET', meta, 'sequence') or '0')
  end
  local past = redis.call('ZCOUNT', ages, '-inf', string.format('%.0f', now - bound))
  if past == 0 then return nil end
  local sequence = redis.call('ZRANGE', ages, past - 1, past - 1)[1]
  if past > 1 then redis.call('ZREM', ages, unpack(redis.call('ZRANGE', ages, 0, math.min(past - 2, 99)))) end
  return tonumber(sequence)
end

-- Of the heads of all bands the one that came first, and its place; none if that came after the sequence number
-- given, or is in the highest band.
local function longest_waiting(home, sequence)
  local oldest, place = nil, sequence + 1
  for priority = 0, 10 do
    local low, high = ready_score(priority, 0), ready_score(priority, place - 1)
    local head = redis.call('ZRANGEBYSCORE', home, low, high, 'WITHSCORES', 'LIMIT', 0, 1)
    if head[1] then oldest, place = priority < 10 and head[1], head[2] - low end
  end
  return oldest, place
end
