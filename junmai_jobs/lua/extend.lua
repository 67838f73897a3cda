-- extend: running -> running; renews the leases of a worker's claimers in one call and shows that it lives.
-- replies: OK, then for each claimer its word and token: HELD | CANCEL | IDLE | LOST; UNKNOWN: register first
-- include: queue_keys, state, claimer
local function extend_claimer(claimer, lease)
  local record = read_record(claimer)
  if not record or record.token == '' then return 'IDLE', '' end
  local state = read_state(record.id)
  if not state or state.token ~= record.token then return 'LOST', record.token end
  if state.word ~= 'running' then return 'IDLE', '' end
  redis.call('ZADD', queue_key(state.queue, 'leases'), now + lease, record.id)
  return state.note == 'cancel' and 'CANCEL' or 'HELD', record.token
end

local function extend(worker, lease, ...)
  if not redis.call('ZSCORE', workers, worker) then return {'UNKNOWN'} end
  redis.call('ZADD', workers, now, worker)
  local reply = {'OK'}
  for _, claimer in ipairs({...}) do
    local word, token = extend_claimer(claimer, lease)
    reply[#reply + 1] = word
    reply[#reply + 1] = token
  end
  return reply
end
