-- include: finish
-- Will a child that has not finished read this job's result? The entries of those that have are removed.
local function is_read_by_a_child(id)
  for _, entry in ipairs(redis.call('ZRANGEBYLEX', needed, '[' .. id .. ' ', '(' .. id .. '!', 'LIMIT', 0, 100)) do
    local child = string.sub(entry, #id + 2)
    local state = read_state(child)
    if redis.call('HEXISTS', bodies, child) == 1 and not (state and finished_homes[state.word]) then return true end
    redis.call('ZREM', needed, entry)
  end
end
