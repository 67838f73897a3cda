-- deregister: a worker is gone, and what its claimers hold comes back: released (it stopped) or lost (it died).
-- replies: OK
-- include: now, lose, leased, pass_ring_on
local function deregister(worker, event, ...)
  for _, claimer in ipairs({...}) do
    local record = read_record(claimer)
    local state = leased_state(record)
    if state and event == 'lost' then
      lose(record.id, state, 'lost', '{}')
    elseif state then
      hand_back(record.id, state)
    end
    redis.call('HDEL', claimers, claimer)
  end
  redis.call('HDEL', worker_info, worker)
  redis.call('DEL', queue_key('@' .. worker, 'control'))
  -- A ring may have died with a claimer that had heard it.
  pass_ring_on(redis.call('ZRANGE', queues, 0, 999))
  redis.call('ZREM', workers, worker)
  return {'OK'}
end
