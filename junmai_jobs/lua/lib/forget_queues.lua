-- include: waiting_in
-- Of a crowd of queues and lanes some are looked at, others in each call: those that are empty and not paused are
-- forgotten. The next job brings a queue back.
local function forget_queues()
  local count = 40
  local first = now % (redis.call('ZCARD', queues) - count + 1)
  for _, queue in ipairs(redis.call('ZRANGE', queues, first, first + count - 1)) do
    if is_empty(queue) and redis.call('HEXISTS', paused, queue) == 0 then
      redis.call('DEL', queue_key(queue, 'bell'))
      redis.call('ZREM', queues, queue)
    end
  end
end
