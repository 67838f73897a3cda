-- include: unique
-- The job has its unique key from now on, if it has one.
local function own(id, extras)
  local key, scope, period = unique_of(extras)
  if key then
    local till = period == '0' and 0 or now + period
    redis.call('HSET', uniques, key, string.format('%s %s %.0f', id, scope, till))
  end
end
