-- survey: what there is of each lane, for a supervisor; nothing is changed. 50 of the known lanes a call, from the one
-- numbered first on.
-- ...: lanes to look at besides.
-- replies: OK | MORE, the number of the next, then for each lane its name, how many of its jobs wait in line (0 while
--   its queue is paused), how many run, and a key of it in whose place there is something that is not ours, or ''
-- include: queue_keys, not_paused, lane_types
local lanes_a_call = 50

local function foreign_key(lane)
  for kind, wanted in pairs(lane_types) do
    local key = queue_key(lane, kind)
    local found = redis.call('TYPE', key).ok
    if found ~= wanted and found ~= 'none' then return key end
  end
  return ''
end

local function survey(first, ...)
  local lanes, known, named = {...}, redis.call('ZRANGE', queues, first, first + lanes_a_call - 1), {}
  for _, lane in ipairs(lanes) do named[lane] = true end
  for _, lane in ipairs(known) do
    if not named[lane] then lanes[#lanes + 1] = lane end
  end
  local reply, going = {#known == lanes_a_call and 'MORE' or 'OK', first + lanes_a_call}, {}
  for _, lane in ipairs(not_paused(lanes)) do going[lane] = true end
  for _, lane in ipairs(lanes) do
    local foreign = foreign_key(lane)
    local ours = foreign == ''
    reply[#reply + 1] = lane
    reply[#reply + 1] = ours and going[lane] and redis.call('ZCARD', queue_key(lane, 'ready')) or 0
    reply[#reply + 1] = ours and redis.call('ZCARD', queue_key(lane, 'leases')) or 0
    reply[#reply + 1] = foreign
  end
  return reply
end
