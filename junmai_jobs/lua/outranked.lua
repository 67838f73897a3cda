-- outranked: does a job of a higher priority than this running one wait in a queue given? Writes nothing.
-- replies: YES | NO | LOST
-- include: ending, queue_keys, band
local function outranked(id, token, ...)
  local state = guard(id, token, {})
  if not state then return {'LOST'} end
  local names, better = {...}, '(' .. string.format('%.0f', math.floor(state.score / band_width) * band_width)
  local flags = redis.call('HMGET', paused, '*', unpack(names))
  for index, queue in ipairs(names) do
    local open = (flags[index + 1] or flags[1]) ~= '1'
    if open and redis.call('ZCOUNT', queue_key(queue, 'ready'), '0', better) > 0 then return {'YES'} end
  end
  return {'NO'}
end
