-- include: queue_keys, leased, hand_back, give
-- What a claimer's record says to a new call. The same request, while a lease it gave still stands, gets its
-- jobs again, also in a pause. A later request has forgotten what the claimer still holds: it goes back. An
-- earlier one is a copy that was long on its way: nobody waits for its answer, and it takes nothing.
local function is_late(request, last)
  local generation, number = string.match(request, '^(%d+)%.(%d+)$')
  local last_generation, last_number = string.match(last, '^(%d+)%.(.*)$')
  if not generation or not last_generation then return false end
  if generation ~= last_generation then return tonumber(generation) < tonumber(last_generation) end
  return last_number == 'end' or tonumber(number) < (tonumber(last_number) or 0)
end

local function replay(record, request, lease)
  if is_late(request, record.request) then return {'EMPTY', ''} end
  local leases, reply = leases_of(record), {'JOB'}
  for _, each in ipairs(leases) do
    if record.request ~= request then
      hand_back(each.id, each.state)
    else
      redis.call('ZADD', queue_key(each.state.queue, 'leases'), now + lease, each.id)
      give(reply, each.id, each.state, redis.call('HGET', bodies, each.id))
    end
  end
  return reply[2] and reply
end
