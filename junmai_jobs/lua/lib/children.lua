-- include: range_of
local function has_children(id)
  local low, high = range_of(id)
  return redis.call('ZRANGEBYLEX', children, low, high, 'LIMIT', 0, 1)[1]
end
