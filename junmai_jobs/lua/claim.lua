-- claim: ready -> running, the first job of the highest band among the queues given, with a new fencing token.
-- lease in ms; woken: 1 after a ring; ...: queues, a tie goes to the one named first.
-- replies: JOB, id, token, body, failures, note | EMPTY | NEWER, queue
-- include: now, queue_keys, bell, body, score, state, history, finish, leave, claimer
local skip_limit = 16

local function job_reply(id, state)
  return {'JOB', id, state.token, redis.call('HGET', bodies, id), state.failures, state.note}
end

-- A call that arrives twice gets its job again while the lease it gave still stands, also in a pause.
local function replay(record, request, lease)
  if not record or record.request ~= request then return nil end
  local state = held_state(record)
  if not state then return nil end
  redis.call('ZADD', queue_key(state.queue, 'leases'), now + lease, record.id)
  return job_reply(record.id, state)
end

local function open_queues(names)
  if #names == 0 then return names end
  local flags, open = redis.call('HMGET', paused, '*', unpack(names)), {}
  for index, queue in ipairs(names) do
    local flag = flags[index + 1] or flags[1]
    if flag ~= '1' then open[#open + 1] = queue end
  end
  return open
end

local function read_head(queue)
  local head = redis.call('ZRANGE', queue_key(queue, 'ready'), 0, 0, 'WITHSCORES')
  return {id = head[1], score = head[2], band = head[2] and math.floor(head[2] / band_width)}
end

local function best_queue(names, heads)
  local best
  for _, queue in ipairs(names) do
    local band = heads[queue].band
    if band and (not best or band < heads[best].band) then best = queue end
  end
  return best
end

-- What keeps the head of a queue from running: NEWER leaves it there, anything else has removed it.
local function obstacle(id, queue, state, body)
  local version, _, _, created, expires = read_header(body or '')
  if version and version > schema_version then return 'NEWER' end
  local misplaced = state and (state.word == 'running' or finished_homes[state.word])
  if version and not misplaced and not (expires and created + expires <= now) then return nil end
  if body and not misplaced then
    state = state or new_state('ready', queue)
    if version then finish(id, state, 'cancelled', 'expired') else finish(id, state, 'failed', 'corrupt_record') end
  end
  redis.call('ZREM', queue_key(queue, 'ready'), id)
  return 'REMOVED'
end

local function take(id, queue, score, state, claimer, request, lease)
  local last = tonumber(redis.call('HGET', meta, 'token') or '0')
  local token = string.format('%.0f', now_us > last and now_us or last + 1)
  state = state or new_state('ready', queue)
  state.word, state.queue, state.score, state.token, state.claimer = 'running', queue, score, token, claimer
  redis.call('ZADD', queue_key(queue, 'leases'), now + lease, id)
  write_state(id, state)
  redis.call('HSET', meta, 'token', token)
  write_record(claimer, request, id, token, '')
  redis.call('ZREM', queue_key(queue, 'ready'), id)
  return state
end

-- One ring a submission wakes one claimer; who got a job passes it on for what is left.
local function pass_ring_on(names, heads, taken)
  for _, queue in ipairs(names) do
    if queue == taken then heads[queue] = read_head(queue) end
    if heads[queue].id then ring_queue(queue) end
  end
end

local function claim_next(claimer, request, lease, woken, names)
  local open, heads = open_queues(names), {}
  for _, queue in ipairs(open) do heads[queue] = read_head(queue) end
  for _ = 1, skip_limit do
    local queue = best_queue(open, heads)
    if not queue then return {'EMPTY'} end
    local id = heads[queue].id
    local state, body = read_state(id), redis.call('HGET', bodies, id)
    local stopped_by = obstacle(id, queue, state, body)
    if stopped_by == 'NEWER' then return {'NEWER', queue} end
    if not stopped_by then
      state = take(id, queue, heads[queue].score, state, claimer, request, lease)
      if woken == '1' then pass_ring_on(open, heads, queue) end
      return {'JOB', id, state.token, body, state.failures, state.note}
    end
    heads[queue] = read_head(queue)
  end
  ring_queue(open[1])
  return {'EMPTY'}
end

local function claim(claimer, request, lease, woken, ...)
  local record = read_record(claimer)
  local again = replay(record, request, lease)
  if again then return again end
  local held = held_state(record)
  if held then hand_back(record.id, held) end
  return claim_next(claimer, request, lease, woken, {...})
end
