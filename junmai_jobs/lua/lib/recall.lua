-- include: queue_keys, leased, hand_back
-- What a claimer's record says to a new call. The same request, while the lease it gave still stands, gets its
-- job again, also in a pause. Another request has forgotten the job that the claimer still holds: it goes back.
local function recall(record, request, lease)
  local state = leased_state(record)
  if not state then return nil end
  if record.request ~= request then
    hand_back(record.id, state)
    return nil
  end
  redis.call('ZADD', queue_key(state.queue, 'leases'), now + lease, record.id)
  return {'JOB', record.id, state.token, redis.call('HGET', bodies, record.id), state.failures, state.note, state.holds}
end
