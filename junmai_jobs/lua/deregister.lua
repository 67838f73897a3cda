-- deregister: a worker is gone, and what its claimers hold comes back: released (it stopped) or lost (it died).
-- At most 4 claimers that have claimed a job a call, or one that has claimed ahead.
-- replies: OK | MORE
-- include: lose, leased, pass_ring_on
local function deregister(worker, event, ...)
  local names, left = {...}, 4
  local known = names[1] and redis.call('HMGET', claimers, unpack(names)) or {}
  for index, claimer in ipairs(names) do
    local record = record_in(known[index])
    local share = not record and 0 or record.ahead == '' and 1 or 4
    if left < share then return {'MORE'} end
    left = left - share
    for _, each in ipairs(leases_of(record)) do
      if event == 'lost' then lose(each.id, each.state, 'lost', '{}', 0) else hand_back(each.id, each.state) end
    end
    if known[index] then redis.call('HDEL', claimers, claimer) end
  end
  redis.call('HDEL', worker_info, worker)
  redis.call('DEL', queue_key('@' .. worker, 'control'))
  redis.call('ZREM', workers, worker)
  -- A ring may have died with a claimer that had heard it. Last: a key that is not ours may stop it.
  pass_ring_on(redis.call('ZRANGE', queues, 0, 999))
  return {'OK'}
end
