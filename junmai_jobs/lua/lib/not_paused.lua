-- include: lane
-- The lanes among names whose queues go on while something is paused.
local function not_paused(names)
  local asked, open = {}, {}
  for index, lane in ipairs(names) do asked[index] = queue_of(lane) end
  local flags = redis.call('HMGET', paused, '*', unpack(asked))
  for index, lane in ipairs(names) do
    if (flags[index + 1] or flags[1]) ~= '1' then open[#open + 1] = lane end
  end
  return open
end
