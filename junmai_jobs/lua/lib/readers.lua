-- include: state, homes, range_of
-- Will a child that has not finished read this job's result? The entries of those that have are removed, so many at
-- a time; as long as there may be more it is taken for one that is read.
local function is_read_by_a_child(id)
  local low, high = range_of(id)
  local entries = redis.call('ZRANGEBYLEX', needed, low, high, 'LIMIT', 0, 20)
  for _, entry in ipairs(entries) do
    local child = string.sub(entry, #id + 2)
    local state = read_state(child)
    if redis.call('HEXISTS', bodies, child) == 1 and not (state and finished_home(state.word)) then return true end
    redis.call('ZREM', needed, entry)
  end
  return #entries == 20
end
