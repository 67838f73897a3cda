-- claim: ready -> running, the first job of the highest band among the queues given, with a new fencing token.
-- lease in ms; woken: 1 after a ring; ...: queues, a tie goes to the one named first.
-- replies: JOB, id, token, body, failures, note | EMPTY | NEWER, queue
-- include: now, body, band, state, finish, claimer
-- seldom: hand_back
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
  if redis.call('EXISTS', paused) == 0 then return names end
  local flags, open = redis.call('HMGET', paused, '*', unpack(names)), {}
  for index, queue in ipairs(names) do
    if (flags[index + 1] or flags[1]) ~= '1' then open[#open + 1] = queue end
  end
  return open
end

-- The head that runs next. The queues are asked in their order, each only for a better band than that found.
local function best_head(names)
  local queue, id, score, better
  for index = 1, #names do
    local ready = queue_key(names[index], 'ready')
    if not queue or redis.call('ZCOUNT', ready, '0', better) > 0 then
      local head = redis.call('ZRANGE', ready, '0', '0', 'WITHSCORES')
      if head[1] then
        queue, id, score = names[index], head[1], head[2]
        better = '(' .. string.format('%.0f', math.floor(score / band_width) * band_width)
      end
    end
  end
  return queue, id, score
end

-- What keeps the head of a queue from running: NEWER leaves it there, anything else has removed it.
local function obstacle(id, queue, state, body)
  local version, _, _, created, expires = read_header(body)
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

local function take(id, queue, score, state, claimer, request, lease, answer)
  local last = tonumber(redis.call('HGET', meta, 'token') or '0')
  local token = string.format('%.0f', now_us > last and now_us or last + 1)
  -- Blocked and here: a log was torn while the job was unblocked.
  if not state or state.word == 'blocked' then state = new_state('ready', queue) end
  state.word, state.queue, state.score, state.token, state.claimer = 'running', queue, score, token, claimer
  redis.call('ZADD', queue_key(queue, 'leases'), now + lease, id)
  write_state(id, state)
  redis.call('HSET', meta, 'token', token)
  write_record(claimer, request, id, token, answer)
  redis.call('ZREM', queue_key(queue, 'ready'), id)
  return state
end

-- A submission wakes one claimer; who got a job after a ring passes the ring on for what is left.
local function pass_ring_on(names)
  for _, queue in ipairs(names) do
    if redis.call('ZCARD', queue_key(queue, 'ready')) > 0 then ring_queue(queue) end
  end
end

-- answer: kept with the request for a replay, see step.
local function claim_next(claimer, request, lease, woken, names, answer)
  local open = open_queues(names)
  for _ = 1, skip_limit do
    local queue, id, score = best_head(open)
    if not queue then return {'EMPTY'} end
    local state, body = read_state(id), redis.call('HGET', bodies, id)
    local stopped_by = obstacle(id, queue, state, body)
    if stopped_by == 'NEWER' then return {'NEWER', queue} end
    if not stopped_by then
      state = take(id, queue, score, state, claimer, request, lease, answer)
      if woken == '1' then pass_ring_on(open) end
      return {'JOB', id, state.token, body, state.failures, state.note}
    end
  end
  -- So many unfit heads in a row are work enough for one call.
  ring_queue(names[1])
  return {'EMPTY'}
end

-- A claimer that asks anew while it still holds a lease has forgotten that job.
local function give_back_held(record)
  local held = held_state(record)
  if held then seldom().hand_back(record.id, held) end
end

local function claim(claimer, request, lease, woken, ...)
  local record = read_record(claimer)
  local again = replay(record, request, lease)
  if again then return again end
  give_back_held(record)
  return claim_next(claimer, request, lease, woken, {...}, '')
end
