-- include: queue_keys, bell, state, homes, range_of
-- Dependencies: POLICY=PARENT or POLICY+=PARENT, separated by blanks. Policy: what the child does when the parent
-- does not succeed: cancel, continue, or failure (it runs only then); +: it will read the parent's result.
local function await(id, policy, parent)
  redis.call('ZADD', parents, 0, id .. ' ' .. parent)
  redis.call('ZADD', children, 0, parent .. ' ' .. id .. ' ' .. policy)
  if string.sub(policy, -1) == '+' then redis.call('ZADD', needed, 0, parent .. ' ' .. id) end
  -- Waiting in ended is also right for a parent that finished long ago; resolve asks for its state.
  local found = read_state(parent)
  if found and finished_homes[found.word] and redis.call('ZSCORE', ended, parent) == false then
    redis.call('ZADD', ended, now, parent)
    ring(alarm)
  end
end

local function block(id, queue, delay, dependencies, state)
  -- What a torn log may have left of an earlier try.
  redis.call('ZREMRANGEBYLEX', parents, range_of(id))
  for policy, parent in string.gmatch(dependencies, '(%a+%+?)=(%S+)') do await(id, policy, parent) end
  state = state or new_state('blocked', queue)
  state.word, state.note, state.holds = 'blocked', delay, ''
  write_state(id, state)
  redis.call('ZADD', queue_key(queue, 'blocked'), now, id)
end
