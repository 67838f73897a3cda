-- include: bell
-- A submission wakes one claimer. Who got a job after a ring, or cannot take it, passes the ring on for what waits.
local function pass_ring_on(names)
  for _, queue in ipairs(names) do
    -- What is not ours in the place of one queue's key must not keep a worker from signing off.
    local count = redis.pcall('ZCARD', queue_key(queue, 'ready'))
    if type(count) == 'number' and count > 0 then ring_queue(queue) end
  end
end
