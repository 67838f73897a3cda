-- include: queue_keys, lane, body, band, state, homes, claimer, meta, event, not_paused, recall, put_aside
-- include: pass_ring_on, admit, find_machine, without, hold, next_unpark, unpark_due
local skip_limit = 10

-- The head that runs next: lane, id, score. Lanes are asked in their order. A later queue wins only with a better band;
-- a later lane of the queue found so far, whose line it shares, with any lower score. better: what the first has to be
-- better than, if anything.
local function best_head(lanes, better)
  local lane, id, score
  for index = 1, #lanes do
    local name = lanes[index]
    local ready = queue_key(name, 'ready')
    local in_line = lane and string.find(name, '+', 1, true) and queue_of(name) == queue_of(lane)
    if not better or redis.call('ZCOUNT', ready, '0', in_line and '(' .. score or better) > 0 then
      local head = redis.call('ZRANGE', ready, '0', '0', 'WITHSCORES')
      if head[1] then
        lane, id, score = name, head[1], head[2]
        better = '(' .. string.format('%.0f', math.floor(score / band_width) * band_width)
      end
    end
  end
  return lane, id, score
end

local function take(id, lane, score, state, claimer, request, lease, answer, holds)
  read_meta()
  local last = tonumber(learnt.last_token or '0')
  -- One that is no number, or too large to be counted on from, is no token of ours.
  local follows = last and last >= now_us and last < 9007199254740992
  local token = string.format('%.0f', follows and last + 1 or now_us)
  -- Blocked and here: a log was torn while the job was unblocked.
  if not state or (state.word == 'blocked' and state.holds == '') then state = new_state('ready', lane) end
  state.word, state.queue, state.score, state.token, state.claimer = 'running', lane, score, token, claimer
  if holds ~= '' or state.holds ~= '' then holds = hold(id, holds, state.holds) end
  state.holds = holds
  redis.call('ZADD', queue_key(lane, 'leases'), now + lease, id)
  write_state(id, state)
  redis.call('HSET', meta, 'token', token)
  write_record(claimer, request, id, token, answer)
  redis.call('ZREM', queue_key(lane, 'ready'), id)
  note_event('started', id, lane)
  return state
end

-- A head that may run is taken, unless it has to wait for room in a limit, or is none that can run at all: then
-- it leaves the line, and nothing is returned.
local function serve(id, lane, score, machine, open, claimer, request, lease, woken, answer)
  local state, body = read_state(id), redis.call('HGET', bodies, id)
  local version, _, _, created, expires, extras = read_header(body)
  if version and version > schema_version then
    if woken == '1' then pass_ring_on(open) end
    return {'NEWER', lane}
  end
  -- Nor is a job of ours what no process could be told of.
  local readable = version and #id <= 128 and not string.find(id, '[^%w._:/-]')
  local expired = expires and created and created + expires <= now
  local elsewhere = state and (state.word == 'running' or finished_home(state.word))
  if not readable or expired or elsewhere then
    put_aside(id, lane, state, body, readable)
    return nil
  end
  local holds = machine
  if extras then holds = admit(id, lane, score, state, body, extras, machine) end
  if not holds then return nil end
  state = take(id, lane, score, state, claimer, request, lease, answer, holds)
  if woken == '1' then pass_ring_on(open) end
  return {'JOB', id, state.token, body, state.failures, state.note, holds}
end

-- Replies JOB, NEWER, WAIT or EMPTY. WAIT: there are jobs, but the machines they need are taken. WAIT and EMPTY are
-- followed by the ms until a limit may have room, or ''. least: the lowest priority to take; answer: see step.
local function claim_next(claimer, request, lease, woken, least, lanes, answer)
  local open, closed, looked, waits, asked_limits = lanes, {}, 0, nil, false
  local better = least ~= '0' and '(' .. string.format('%.0f', (11 - least) * band_width) or nil
  if redis.call('EXISTS', paused) == 1 then open = not_paused(lanes) end
  while looked < skip_limit do
    local lane, id, score = best_head(open, better)
    if not lane then
      local due = next_unpark()
      if due ~= 0 or asked_limits then
        if better and woken == '1' then pass_ring_on(open) end
        if waits and woken == '1' then pass_ring_on(waits) end
        return {waits and 'WAIT' or 'EMPTY', due and string.format('%.0f', due) or ''}
      end
      asked_limits = true
      unpark_due(skip_limit)
    else
      local machine = ''
      if string.find(lane, '+', 1, true) then machine = find_machine(lane, id, claimer, closed) end
      if machine then
        looked = looked + 1
        local reply = serve(id, lane, score, machine, open, claimer, request, lease, woken, answer)
        if reply then return reply end
      else
        waits = waits or {}
        waits[#waits + 1] = lane
        open = without(open, lane)
      end
    end
  end
  -- So many in a row are work enough for one call.
  pass_ring_on(open)
  return {'EMPTY', ''}
end
