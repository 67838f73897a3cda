-- extend: running -> running; renews the leases of a worker's claimers in one call and shows that it lives.
-- replies: OK, then token and word of each lease: HELD | CANCEL; UNKNOWN: register first
-- include: queue_keys, leased
local function extend(worker, lease, ...)
  if not redis.call('ZSCORE', workers, worker) then return {'UNKNOWN'} end
  redis.call('ZADD', workers, now, worker)
  local reply = {'OK'}
  for _, claimer in ipairs({...}) do
    for _, each in ipairs(leases_of(read_record(claimer))) do
      redis.call('ZADD', queue_key(each.state.queue, 'leases'), now + lease, each.id)
      reply[#reply + 1] = each.state.token
      reply[#reply + 1] = each.state.note == 'cancel' and 'CANCEL' or 'HELD'
    end
  end
  return reply
end
