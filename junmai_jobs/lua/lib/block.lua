-- include: queue_keys, bell, state, homes, range_of
-- Dependencies: POLICY=PARENT or POLICY+=PARENT, separated by blanks. Policy: what the child does when the parent
-- does not succeed: cancel, continue, or failure (it runs only then); +: it will read the parent's result.

local page = 400 -- unpack has room for some thousands, not for more

local function in_pages(names, visit)
  for first = 1, #names, page do visit({unpack(names, first, math.min(first + page - 1, #names))}) end
end

local function add_names(home, names)
  in_pages(names, function(some)
    local entries = {}
    for index, name in ipairs(some) do entries[2 * index - 1], entries[2 * index] = '0', name end
    redis.call('ZADD', home, unpack(entries))
  end)
end

-- Waiting in ended is also right for a parent that finished long ago; resolve asks for its state.
local function tell_again_of(named)
  in_pages(named, function(some)
    for index, text in ipairs(redis.call('HMGET', states, unpack(some))) do
      local parent, found = some[index], state_in(text)
      if found and finished_home(found.word) and redis.call('ZSCORE', ended, parent) == false then
        redis.call('ZADD', ended, now, parent)
        ring(alarm)
      end
    end
  end)
end

local function await(id, dependencies)
  local named, awaited, edges, read = {}, {}, {}, {}
  for policy, parent in string.gmatch(dependencies, '(%a+%+?)=(%S+)') do
    named[#named + 1] = parent
    awaited[#named] = id .. ' ' .. parent
    edges[#named] = parent .. ' ' .. id .. ' ' .. policy
    if string.sub(policy, -1) == '+' then read[#read + 1] = parent .. ' ' .. id end
  end
  add_names(parents, awaited)
  add_names(children, edges)
  add_names(needed, read)
  tell_again_of(named)
end

-- What a torn log may have left of an earlier try, or a job of this id that was forgotten before its parents ended.
local function forget_parents(id)
  local low, high = range_of(id)
  for _, entry in ipairs(redis.call('ZRANGEBYLEX', parents, low, high)) do
    redis.call('ZREMRANGEBYLEX', children, range_of(string.match(entry, '(%S*)$') .. ' ' .. id))
    redis.call('ZREM', parents, entry)
  end
end

local function block(id, queue, delay, dependencies, state)
  forget_parents(id)
  await(id, dependencies)
  state = state or new_state('blocked', queue)
  state.word, state.note, state.holds = 'blocked', delay, ''
  write_state(id, state)
  redis.call('ZADD', queue_key(queue, 'blocked'), now, id)
end
