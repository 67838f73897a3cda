-- enqueue: nothing -> ready, scheduled or blocked; all jobs of a call or none.
-- ...: for each job its id, delay (ms), dependencies ("cancel PARENT ..." or "continue PARENT ..." or empty), body
-- replies: OK, NEW or EXISTING for each | CONFLICT, index, id | FULL, index, queue | NOTFOUND, index, parent
-- include: now, queue_keys, bell, body, score, state
local job_width = 4

-- A job is the same if its body is, but for the priority, which people move, and the time of submission.
local function content_of(body)
  local version, queue, rest = string.match(body, '^(.)([^|\n]*)|%d+([^\n]*\n)')
  if not version then return body end
  rest = string.gsub(rest, '^|[%d@]*', '')
  return version .. queue .. rest .. string.sub(body, string.find(body, '\n', 1, true) + 1)
end

local function waiting_in(queue)
  local count = 0
  for _, kind in ipairs({'ready', 'scheduled', 'retrying', 'blocked'}) do
    count = count + redis.call('ZCARD', queue_key(queue, kind))
  end
  return count
end

local function unknown_parent(dependencies, seen)
  for parent in string.gmatch(string.match(dependencies, ' .*') or '', '%S+') do
    if not seen[parent] and redis.call('HEXISTS', bodies, parent) == 0 then return parent end
  end
end

local function block(id, queue, delay, dependencies)
  local policy = string.match(dependencies, '^%a+')
  for parent in string.gmatch(string.match(dependencies, ' .*'), '%S+') do
    redis.call('ZADD', parents, 0, id .. ' ' .. parent)
    redis.call('ZADD', children, 0, parent .. ' ' .. id)
    -- Waiting in ended is also right for a parent that finished long ago; resolve asks for its state.
    local state = read_state(parent)
    if state and redis.call('ZSCORE', ended, parent) == false and
      (state.word == 'succeeded' or state.word == 'failed' or state.word == 'cancelled') then
      redis.call('ZADD', ended, now, parent)
      ring(alarm)
    end
  end
  local state = new_state('blocked', queue)
  state.note = policy .. ':' .. delay
  write_state(id, state)
  redis.call('ZADD', queue_key(queue, 'blocked'), now, id)
end

local function place(id, delay, dependencies, body, sequence)
  local _, queue, priority = read_header(body)
  if dependencies ~= '' then
    block(id, queue, delay, dependencies)
  elseif tonumber(delay) > 0 then
    local home = queue_key(queue, 'scheduled')
    redis.call('ZADD', home, now + delay, id)
    if redis.call('ZRANGE', home, 0, 0)[1] == id then ring(alarm) end
  else
    redis.call('ZADD', queue_key(queue, 'ready'), ready_score(priority, sequence), id)
    ring_queue(queue)
  end
  -- The body last: an id without one was never accepted, and submitting it again starts afresh.
  redis.call('HSET', bodies, id, body)
end

local function enqueue(max_waiting, ...)
  local jobs, seen, room, words, fresh = {...}, {}, {}, {'OK'}, {}
  for at = 1, #jobs, job_width do
    local id, dependencies, body = jobs[at], jobs[at + 2], jobs[at + 3]
    local index = (at - 1) / job_width
    local known = seen[id] or redis.call('HGET', bodies, id)
    if known then
      if content_of(known) ~= content_of(body) then return {'CONFLICT', index, id} end
      words[index + 2] = 'EXISTING'
    else
      local _, queue = read_header(body)
      room[queue] = (room[queue] or max_waiting - waiting_in(queue)) - 1
      if room[queue] < 0 then return {'FULL', index, queue} end
      local parent = unknown_parent(dependencies, seen)
      if parent then return {'NOTFOUND', index, parent} end
      words[index + 2] = 'NEW'
      seen[id] = body
      fresh[#fresh + 1] = at
    end
  end
  for queue in pairs(room) do redis.call('ZADD', queues, 0, queue) end
  local sequence = next_sequence(#fresh)
  for offset, at in ipairs(fresh) do
    local body = string.gsub(jobs[at + 3], '^([^|\n]*|%d+|)@', '%1' .. string.format('%.0f', now))
    place(jobs[at], jobs[at + 1], jobs[at + 2], body, sequence + offset - 1)
  end
  return words
end
