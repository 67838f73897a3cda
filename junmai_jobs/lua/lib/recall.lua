-- include: queue_keys, leased, hand_back
-- What a claimer's record says to a new call. The same request, while the lease it gave still stands, gets its
-- job again, also in a pause. A later request has forgotten the job that the claimer still holds: it goes back. An
-- earlier one is a copy that was long on its way: nobody waits for its answer, and it takes nothing.
local function is_late(request, last)
  local generation, number = string.match(request, '^(%d+)%.(%d+)$')
  local last_generation, last_number = string.match(last, '^(%d+)%.(.*)$')
  if not generation or not last_generation then return false end
  if generation ~= last_generation then return tonumber(generation) < tonumber(last_generation) end
  return last_number == 'end' or tonumber(number) < (tonumber(last_number) or 0)
end

local function recall(record, request, lease)
  if is_late(request, record.request) then return {'EMPTY', ''} end
  local state = leased_state(record)
  if not state then return nil end
  if record.request ~= request then
    hand_back(record.id, state)
    return nil
  end
  redis.call('ZADD', queue_key(state.queue, 'leases'), now + lease, record.id)
  return {'JOB', record.id, state.token, redis.call('HGET', bodies, record.id), state.failures, state.note, state.holds}
end
