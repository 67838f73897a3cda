-- include: queue_keys
-- A row is time|succeeded|failed|cancelled|queued|running, the time in seconds since 1970. What has finished is counted
-- by its finish time, so that any count of a minute gives the same; what is queued and runs is counted now, in at
-- most 500 lanes, and only the newest minute says it.
local minute, hour, day = 60, 3600, 86400

local function busy_now()
  local queued, running = 0, 0
  for _, queue in ipairs(redis.call('ZRANGE', queues, 0, 499)) do
    queued = queued + redis.call('ZCARD', queue_key(queue, 'ready'))
    running = running + redis.call('ZCARD', queue_key(queue, 'leases'))
  end
  return queued .. '|' .. running
end

local function write_minute(time, busy)
  local first, last = string.format('%.0f', time * 1000), string.format('%.0f', (time + minute) * 1000)
  local counts = {}
  for index, home in ipairs({succeeded, failed, cancelled}) do
    counts[index] = redis.call('ZCOUNT', home, first, '(' .. last)
  end
  redis.call('ZADD', minutes, time, string.format('%.0f', time) .. '|' .. table.concat(counts, '|') .. '|' .. busy)
end

-- The sum of its minutes: of the jobs themselves some may be forgotten by now.
local function write_hour(time)
  local counts, busy = {0, 0, 0}, nil
  for _, row in ipairs(redis.call('ZRANGEBYSCORE', minutes, time, time + hour - 1)) do
    local one, two, three, rest = string.match(row, '^%d+|(%d+)|(%d+)|(%d+)|(.*)$')
    if one then counts, busy = {counts[1] + one, counts[2] + two, counts[3] + three}, rest end
  end
  if busy then
    redis.call('ZADD', hours, time, string.format('%.0f', time) .. '|' .. table.concat(counts, '|') .. '|' .. busy)
  end
end
