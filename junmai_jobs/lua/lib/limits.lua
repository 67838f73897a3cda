-- include: extra, holders
-- Extra c=KEY,count: at most so many jobs of the key run. Extra r=KEY,count,ms: at most so many start in any span of
-- so many milliseconds. A limit's spec is the text after the =.
local most_seen = 25 -- at so many that run; of more, each call looks at others

-- The specs of a job's two limits, and whether they are such: what is not was not written by us.
local function limits_in(extras)
  local concurrency, rate = extra(extras, 'c'), extra(extras, 'r')
  local sound = (not concurrency or string.find(concurrency, '^[^,]+,%d+$')) and
    (not rate or string.find(rate, '^[^,]+,%d+,%d+$'))
  return concurrency, rate, sound
end

-- Key, count and span ('' if it has none) of a spec; nil if it is none.
local function parts_of(spec)
  return string.match(spec, '^([^,]+),(%d+),?(%d*)$')
end

local function start_entry(key, micros)
  return key .. ' ' .. string.format('%016.0f', micros)
end

-- How many more may start now (0 or less: none); when to look at the limit again (ms): a rate when the oldest start it
-- counts is out of its span, a concurrency limit in a second; and its key.
local function room_in(spec)
  local key, count, span = parts_of(spec)
  local low, high = range_of(key)
  if span == '' then
    local running = redis.call('ZLEXCOUNT', holders, low, high)
    if running >= tonumber(count) then
      learnt.running = learnt.running or {} -- by key of a limit that this call has found full
      if not learnt.running[key] then
        local seen = math.min(running, most_seen)
        learnt.running[key] = running - seen + #true_holders(key, now_us % (running - seen + 1), seen)
      end
      running = learnt.running[key]
    end
    return count - running, now + 1000, key
  end
  redis.call('ZREMRANGEBYLEX', starts, low, '(' .. start_entry(key, now_us - span * 1000 + 1))
  -- Starts later than now are there only if the clock was set back.
  redis.call('ZREMRANGEBYLEX', starts, '[' .. start_entry(key, now_us + 1), high)
  local first = redis.call('ZRANGEBYLEX', starts, low, high, 'LIMIT', 0, 1)[1]
  local begun = first and tonumber(string.match(first, ' (%d+)')) or now_us
  return count - redis.call('ZLEXCOUNT', starts, low, high), math.floor(begun / 1000) + span + 1, key
end
