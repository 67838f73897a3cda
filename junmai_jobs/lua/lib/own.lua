-- include: unique
-- From now on the key that the job was submitted with, if any, is this job's.
local function own(id, extras)
  local key, scope, period = unique_of(extras)
  if key then
    local till = period == '0' and 0 or now + period
    local before, word = owner_of(key)
    local beside = word == 'running' and before ~= id and ' ' .. before or ''
    redis.call('HSET', uniques, key, string.format('%s %s %.0f', id, scope, till) .. beside)
  end
end
