-- include: queue_keys, lane, body, band, score, state, homes, claimer, give, meta, event, not_paused, replay, put_aside
-- include: pass_ring_on, admit, find_machine, without, hold, next_unpark, unpark_due, look_at
local claim_next, best_head, next_token

do -- what only this file needs
local skip_limit = 10

-- The head that runs next: lane, id, score. Lanes are asked in their order. A later queue wins only with a better band;
-- a later lane of the queue found so far, whose line it shares, with any lower score. better: what the first has to be
-- better than, if anything.
function best_head(lanes, better)
  local lane, id, score
  for index = 1, #lanes do
    local name, bound = lanes[index], better
    if lane and string.find(name, '+', 1, true) and queue_of(name) == queue_of(lane) then bound = '(' .. score end
    local ready = queue_key(name, 'ready')
    local head = bound and redis.call('ZRANGEBYSCORE', ready, '0', bound, 'WITHSCORES', 'LIMIT', '0', '1')
      or redis.call('ZRANGE', ready, '0', '0', 'WITHSCORES')
    if head[1] then
      lane, id, score = name, head[1], head[2]
      better = better_than(score)
    end
  end
  return lane, id, score
end

function next_token()
  read_meta()
  local last = tonumber(learnt.last_token or '0')
  -- One that is no number, or too large to be counted on from, is no token of ours.
  local follows = last and last >= now_us and last < 9007199254740992
  return follows and last + 1 or now_us
end

-- The jobs that come right after the first of a lane, in its band, at most so many, and only such as never ran and need
-- no limit or machine: one of another kind ends the row. Their ids, scores and bodies.
local function row_behind(score, lane, most)
  local row = {ids = {}, scores = {}, bodies = {}}
  local heads = redis.call('ZRANGEBYSCORE', queue_key(lane, 'ready'), '(' .. score,
    bound_of(math.floor(score / band_width) + 1), 'WITHSCORES', 'LIMIT', '0', most)
  local ids = {}
  for index = 1, #heads, 2 do ids[#ids + 1] = heads[index] end
  if not ids[1] then return row end
  local known, stored = redis.call('HMGET', states, unpack(ids)), redis.call('HMGET', bodies, unpack(ids))
  for index, id in ipairs(ids) do
    local version, extras, readable, expired = look_at(id, stored[index] or nil)
    local place, is_plain = heads[2 * index], readable and not (known[index] or extras or expired)
    if not is_plain or version > schema_version or not is_place(place) then return row end
    row.ids[index], row.scores[index], row.bodies[index] = id, place, stored[index]
  end
  return row
end

-- Leases a row to who has just claimed the job before it. Adds them to the reply; returns the last token given, and
-- what of them goes into the claimer's record.
local function take_row(row, lane, token, claim, reply)
  local till, leased, written, record, last = digits(now + claim.lease), {}, {}, {}, nil
  for index, id in ipairs(row.ids) do
    last = digits(token + index)
    leased[2 * index - 1], leased[2 * index] = till, id
    written[2 * index - 1] = id
    written[2 * index] = first_run(lane, row.scores[index], last, claim.claimer) .. 'ahead'
    record[index] = id .. ' ' .. last
    local at = #reply
    reply[at + 1], reply[at + 2], reply[at + 3], reply[at + 4] = id, last, row.bodies[index], ''
    note_event('started', id, lane)
  end
  redis.call('ZADD', queue_key(lane, 'leases'), unpack(leased))
  redis.call('HSET', states, unpack(written))
  return last, table.concat(record, ' ')
end

-- Leases a job to a claimer, and with it, as the claim goes, a row of those behind it.
local function take(id, lane, score, state, body, holds, row, claim)
  local token, reply, ahead = next_token(), {'JOB'}, nil
  local last = digits(token)
  -- Blocked and here: a log was torn while the job was unblocked.
  if not state or (state.word == 'blocked' and state.holds == '') then state = new_state('ready', lane) end
  state.word, state.queue, state.score, state.token, state.claimer = 'running', lane, score, last, claim.claimer
  if holds ~= '' or state.holds ~= '' then holds = hold(id, holds, state.holds) end
  state.holds = holds
  if row then state.note = 'ahead' end
  give(reply, id, state, body)
  redis.call('ZADD', queue_key(lane, 'leases'), digits(now + claim.lease), id)
  write_state(id, state)
  note_event('started', id, lane)
  if row then last, ahead = take_row(row, lane, token, claim, reply) end
  redis.call('HSET', meta, 'token', last)
  write_record(claim.claimer, claim.request, id, state.token, claim.answer, ahead)
  redis.call('ZREM', queue_key(lane, 'ready'), id, unpack(row and row.ids or {}))
  return reply
end

-- A head that may run is taken, unless it has to wait for room in a limit, or is none that can run at all: then
-- it leaves the line, and nothing is returned.
local function serve(id, lane, score, machine, open, claim)
  local state, body = read_state(id), redis.call('HGET', bodies, id)
  local version, extras, readable, expired = look_at(id, body)
  if version and version > schema_version then
    if claim.woken == '1' then pass_ring_on(open) end
    return {'NEWER', lane}
  end
  local elsewhere = state and (state.word == 'running' or finished_home(state.word))
  if not readable or expired or elsewhere then
    put_aside(id, lane, state, body, readable)
    return nil
  end
  if not is_place(score) then
    score = string.format('%.0f', ready_score(priority_in(state, body), next_sequence(1)))
  end
  local holds = machine
  if extras then holds = admit(id, lane, score, state, body, extras, machine) end
  if not holds then return nil end
  local row
  if claim.ahead ~= '1' and not state and not extras and holds == '' then
    row = row_behind(score, lane, claim.ahead - 1)
    if not row.ids[1] then row = nil end
  end
  local reply = take(id, lane, score, state, body, holds, row, claim)
  if claim.woken == '1' then pass_ring_on(open) end
  return reply
end

-- claim: claimer, request, lease (ms), woken, least (the lowest priority to take), ahead (how many jobs at most) and
-- answer, see step. Replies JOB, NEWER, WAIT or EMPTY. WAIT: there are jobs, but the machines they need are taken. WAIT
-- and EMPTY are followed by the ms until a limit may have room, or ''.
function claim_next(claim, lanes)
  local open, closed, looked, waits, asked_limits = lanes, {}, 0, nil, false
  local better = claim.least ~= '0' and bound_of(11 - claim.least) or nil
  if is_special() then open = not_paused(lanes) end
  while looked < skip_limit do
    local lane, id, score = best_head(open, better)
    if not lane then
      local due = next_unpark()
      if due ~= 0 or asked_limits then
        if better and claim.woken == '1' then pass_ring_on(open) end
        if waits and claim.woken == '1' then pass_ring_on(waits) end
        return {waits and 'WAIT' or 'EMPTY', due and string.format('%.0f', due) or ''}
      end
      asked_limits = true
      unpark_due(skip_limit)
    else
      local machine = ''
      if string.find(lane, '+', 1, true) then machine = find_machine(lane, id, claim.claimer, closed) end
      if machine then
        looked = looked + 1
        local reply = serve(id, lane, score, machine, open, claim)
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
end
