-- include: unique
-- What is kept of a key that is this job's from now on; before: who had it, where that job runs.
local function key_entry(id, scope, period, before)
  local till = period == '0' and 0 or now + period
  return string.format('%s %s %.0f', id, scope, till) .. (before and ' ' .. before or '')
end

-- The key that the job was submitted with, if any, is this job's again.
local function own(id, extras)
  local key, scope, period = unique_of(extras)
  if key then
    local before, word = owner_of(key)
    local beside = word == 'running' and before ~= id and before or nil
    redis.call('HSET', uniques, key, key_entry(id, scope, period, beside))
  end
end

-- Who had the key is gone. It is free, unless the job lives beside which that one was accepted.
local function pass_key_on(key)
  local before = string.match(redis.call('HGET', uniques, key) or '', '^%S+ %a+ %d+ (%S+)$')
  if before and word_of_owner(before, 'alive', '0') then
    redis.call('HSET', uniques, key, key_entry(before, 'alive', '0'))
  else
    redis.call('HDEL', uniques, key)
  end
end
