-- include: waiting_in
-- A queue has at most so many lanes: what its jobs need of a machine comes in a few sizes.
local lanes_limit = 16

-- How many more jobs a queue may surely hold: while there would be room in it for all jobs there are, these are not
-- counted by queue.
local function vacancies_in(queue, max_waiting)
  local left = max_waiting - redis.call('HLEN', bodies)
  return left < 200 and max_waiting - waiting_in(queue) or left
end

-- Would this be a lane too many of its queue? fresh: those that this call will make. Lanes that are empty make room.
local function too_many_lanes(queue, fresh)
  local base = string.match(queue, '^([^+]*)+')
  if not base or redis.call('ZSCORE', queues, queue) then return false end
  local lanes = redis.call('ZRANGEBYLEX', queues, '[' .. base .. '+', '(' .. base .. ',', 'LIMIT', 0, 100)
  local count = 0
  for name in pairs(fresh) do
    if string.match(name, '^([^+]*)+') == base and not redis.call('ZSCORE', queues, name) then count = count + 1 end
  end
  if #lanes + count < lanes_limit then return false end
  for _, lane in ipairs(lanes) do
    if not fresh[lane] and is_empty(lane) then
      redis.call('DEL', queue_key(lane, 'bell'))
      redis.call('ZREM', queues, lane)
    else
      count = count + 1
    end
  end
  return count >= lanes_limit
end
