-- include: extra
-- Extra b=BATCH: the batch a job belongs to.
local function join(id, extras)
  local batch = extra(extras, 'b')
  if batch then redis.call('ZADD', members, 0, batch .. ' ' .. id) end
end
