-- outranked: could a job of a higher priority run in this running one's place? ...: the queues and lanes to look at.
-- replies: YES | NO | LOST
-- include: ending, queue_keys, band, find_machine
local function outranked(id, token, ...)
  local state = guard(id, token, {})
  if not state then return {'LOST'} end
  local lanes, bases = {...}, {}
  for index, lane in ipairs(lanes) do bases[index] = string.match(lane, '^[^+]*') end
  local better = '(' .. string.format('%.0f', math.floor(state.score / band_width) * band_width)
  local flags = redis.call('HMGET', paused, '*', unpack(bases))
  for index, lane in ipairs(lanes) do
    local open = (flags[index + 1] or flags[1]) ~= '1'
    if open and redis.call('ZCOUNT', queue_key(lane, 'ready'), '0', better) > 0 then
      -- As if the machine were free that this job holds. One that others hold would be waited for in vain.
      if lane == bases[index] or find_machine(lane, id, state.claimer, {}) then return {'YES'} end
    end
  end
  return {'NO'}
end
