-- sample: a row of history for each minute, and each hour, that is over and has none yet; 100 minutes a call.
-- replies: OK | MORE
-- include: rows
local function start_of(time, width)
  return time - time % width
end

local function newest(home)
  return tonumber(redis.call('ZRANGE', home, -1, -1, 'WITHSCORES')[2])
end

local function forget_rows(home, from, to)
  local rows = redis.call('ZRANGEBYSCORE', home, from, to, 'LIMIT', 0, 100)
  if rows[1] then redis.call('ZREM', home, unpack(rows)) end
end

local function sample()
  -- What is said of the future was written by a clock that was wrong.
  forget_rows(minutes, '(' .. now / 1000, '+inf')
  forget_rows(hours, '(' .. now / 1000, '+inf')
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
  forget_rows(minutes, '-inf', '(' .. this_minute - day)
  forget_rows(hours, '-inf', '(' .. this_minute - 90 * day)
  return {last < this_minute - minute and 'MORE' or 'OK'}
end
