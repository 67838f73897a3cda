-- A lane is a queue's jobs with the same needs, QUEUE+gpu=1; or the queue itself: its jobs without needs.
local function queue_of(lane)
  return string.match(lane, '^[^+]*')
end
