-- sample: a row of history for each minute, and each hour, that is over and has none yet; 100 minutes a call.
-- A row is time|succeeded|failed|cancelled|queued|running, the time in seconds since 1970; what is queued and
-- what runs is counted now, so only the newest minute says it. Counted are the jobs that are in a finished home
-- with such a finish time: whoever counts, and however often, it is the same.
-- replies: OK | MORE
-- include: now, queue_keys
local minute, hour, day = 60, 3600, 86400

local function start_of(time, width)
  return time - time % width
end

local function newest(home)
  return tonumber(redis.call('ZRANGE', home, -1, -1, 'WITHSCORES')[2])
end

local function forget(home, from, to)
  local rows = redis.call('ZRANGEBYSCORE', home, from, to, 'LIMIT', 0, 100)
  if rows[1] then redis.call('ZREM', home, unpack(rows)) end
end

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
    counts = {counts[1] + one, counts[2] + two, counts[3] + three}
    busy = rest
  end
  if busy then
    redis.call('ZADD', hours, time, string.format('%.0f', time) .. '|' .. table.concat(counts, '|') .. '|' .. busy)
  end
end

local function sample()
  -- What is said of the future was written by a clock that was wrong.
  forget(minutes, '(' .. now / 1000, '+inf')
  forget(hours, '(' .. now / 1000, '+inf')
  local this_minute = start_of(math.floor(now / 1000), minute)
  local known = newest(minutes)
  local first = known and math.max(known + minute, this_minute - day) or this_minute - minute
  local last = math.min(this_minute - minute, first + 99 * minute)
  for time = first, last, minute do
    write_minute(time, time == this_minute - minute and busy_now() or '|')
  end
  known = newest(hours)
  for time = math.max(known and known + hour or 0, start_of(this_minute - day, hour)), last + minute - hour, hour do
    write_hour(time)
  end
  forget(minutes, '-inf', '(' .. this_minute - day)
  forget(hours, '-inf', '(' .. this_minute - 90 * day)
  return {last < this_minute - minute and 'MORE' or 'OK'}
end
