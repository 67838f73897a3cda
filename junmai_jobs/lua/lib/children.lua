local function has_children(id)
  return redis.call('ZRANGEBYLEX', children, '[' .. id .. ' ', '(' .. id .. '!', 'LIMIT', 0, 1)[1]
end
