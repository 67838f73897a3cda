-- include: bell
-- A submission wakes one claimer. Who got a job after a ring, or cannot take it, passes the ring on for what waits.
local function pass_ring_on(names)
  for _, queue in ipairs(names) do
    if redis.call('ZCARD', queue_key(queue, 'ready')) > 0 then ring_queue(queue) end
  end
end
