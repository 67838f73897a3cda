-- include: queue_keys, body, band, finish, claimer
-- seldom: recall, put_aside, pass_ring_on
local skip_limit = 16

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

local function take(id, queue, score, state, claimer, request, lease, answer)
  local last = tonumber(redis.call('HGET', meta, 'token') or '0')
  -- One that is no number, or too large to be counted on from, is no token of ours.
  local follows = last and last >= now_us and last < 9007199254740992
  local token = string.format('%.0f', follows and last + 1 or now_us)
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

-- The parts of the reply. answer: kept with the request for a repeated call, see step.
local function claim_next(claimer, request, lease, woken, names, answer)
  local open = open_queues(names)
  for _ = 1, skip_limit do
    local queue, id, score = best_head(open)
    if not queue then return 'EMPTY' end
    local state, body = read_state(id), redis.call('HGET', bodies, id)
    local version, _, _, created, expires = read_header(body)
    if version and version > schema_version then
      if woken == '1' then seldom().pass_ring_on(open) end
      return 'NEWER', queue
    end
    local expired = expires and created + expires <= now
    local elsewhere = state and (state.word == 'running' or finished_homes[state.word])
    if version and not expired and not elsewhere then
      state = take(id, queue, score, state, claimer, request, lease, answer)
      if woken == '1' then seldom().pass_ring_on(open) end
      return 'JOB', id, state.token, body, state.failures, state.note
    end
    seldom().put_aside(id, queue, state, body, version)
  end
  -- So many in a row are work enough for one call.
  seldom().pass_ring_on(open)
  return 'EMPTY'
end
