-- enqueue: nothing -> ready, scheduled or blocked; all jobs of a call or none.
-- ...: for each job its id, delay (ms; below 0: it has none, and stands so many places further back), dependencies
--   (lib/block.lua, or empty), body
-- replies: OK, NEW, EXISTING or "DUPLICATE id" for each | CONFLICT, index, id | FULL, index, queue |
--   LANES, index, queue | NOTFOUND, index, parent
-- include: queue_keys, bell, body, score, capacity, event, block, settle_key, replace, replaced, extra
local job_width = 4

local function read_job(list, at)
  local body = list[at + 3]
  local _, queue, priority, _, _, extras = read_header(body)
  return {
    id = list[at], delay = list[at + 1], dependencies = list[at + 2], body = body,
    queue = queue, priority = priority, extras = extras,
  }
end

-- A job is the same if its body is, but for the priority, which people move, and the time of submission, for
-- which the header has a place where the id was given.
local function content_of(body)
  local version, queue, rest = string.match(body, '^(.)([^|\n]*)|%d+([^\n]*\n)')
  if not version then return body end
  rest = string.gsub(rest, '^|[%d@]*', '')
  if rest == '|\n' then rest = '\n' end
  return version .. queue .. rest .. string.sub(body, string.find(body, '\n', 1, true) + 1)
end

local function unknown_parent(dependencies, seen)
  for parent in string.gmatch(dependencies, '=(%S+)') do
    if not seen[parent] and redis.call('HEXISTS', bodies, parent) == 0 then return parent end
  end
end

-- The job's body with the time of its submission in the place that its header keeps for it, if it does.
local function stamped(job)
  local place = #job.queue + #job.priority + 3
  if string.sub(job.body, place, place + 1) ~= '|@' then return job.body end
  return string.sub(job.body, 1, place) .. string.format('%.0f', now) .. string.sub(job.body, place + 2)
end

-- Why a job cannot be accepted: a word and what it is about; nil if it can.
local function refusal(job, vacancies, max_waiting, seen)
  local queue = job.queue
  if not vacancies[queue] then
    if too_many_lanes(queue, vacancies) then return 'LANES', queue end
    vacancies[queue] = vacancies_in(queue, max_waiting)
  end
  vacancies[queue] = vacancies[queue] - 1
  if vacancies[queue] < 0 then return 'FULL', queue end
  local parent = job.dependencies ~= '' and unknown_parent(job.dependencies, seen)
  if parent then return 'NOTFOUND', parent end
end

-- The place of a job that may run at once: its sequence number, or further back, see shortest.py. By how much at most
-- is noted: so far behind all numbers that were given a place may be.
local function place_of(sequence, delay)
  if delay >= 0 then return sequence end
  if -delay > (tonumber(redis.call('HGET', meta, 'furthest') or nil) or 0) then
    redis.call('HSET', meta, 'furthest', string.format('%.0f', -delay))
  end
  return sequence - delay
end

local function add(entries, key, one, other)
  local list = entries[key] or {}
  entries[key], list[#list + 1], list[#list + 2] = list, one, other
end

-- Of those that wait for no other job, which may be the others' parents; one command for all of a home.
local function put_in_line(fresh, sequence)
  local homes, delayed, open = {}, {}, {}
  for offset, job in ipairs(fresh) do
    local delay = job.dependencies == '' and tonumber(job.delay)
    if delay and delay > 0 then
      add(homes, queue_key(job.queue, 'scheduled'), now + delay, job.id)
      delayed[job.id] = true
    elseif delay then
      local place = place_of(sequence + offset - 1, delay)
      add(homes, queue_key(job.queue, 'ready'), ready_score(job.priority, place), job.id)
      open[job.queue] = true
    end
  end
  for home, entries in pairs(homes) do
    redis.call('ZADD', home, unpack(entries))
    if next(delayed) and delayed[redis.call('ZRANGE', home, 0, 0)[1]] then ring(alarm) end
  end
  for queue in pairs(open) do ring_queue(queue) end
end

-- The bodies last: an id without one was never accepted, and submitting it again starts afresh.
local function accept(fresh, owned)
  local found, blocked = {}, {}
  for _, job in ipairs(fresh) do
    local batch = job.extras and extra(job.extras, 'b')
    if batch then add(found, members, '0', batch .. ' ' .. job.id) end
    if job.dependencies == '' then add(found, bodies, job.id, stamped(job)) else blocked[#blocked + 1] = job end
  end
  if owned[1] then redis.call('HSET', uniques, unpack(owned)) end
  if found[members] then redis.call('ZADD', members, unpack(found[members])) end
  if found[bodies] then redis.call('HSET', bodies, unpack(found[bodies])) end
  for _, job in ipairs(blocked) do
    block(job.id, job.queue, job.delay, job.dependencies)
    redis.call('HSET', bodies, job.id, stamped(job))
  end
end

-- One event for all of a queue.
local function tell_of(fresh)
  local ids, told = {}, {}
  for _, job in ipairs(fresh) do
    if not ids[job.queue] then ids[job.queue], told[#told + 1] = {}, job.queue end
    table.insert(ids[job.queue], job.id)
  end
  for _, queue in ipairs(told) do note_event('submitted', table.concat(ids[queue], ' '), queue) end
end

-- Most calls bring one job that may run at once and has nothing but a body. Nil: it goes the long way.
local function accept_one(max_waiting, id, delay, dependencies, body, more)
  local wait = tonumber(delay)
  if not id or more or wait > 0 or dependencies ~= '' then return nil end
  local queue, priority = string.match(body, '^.([^|+\n]*)|(%d+)\n')
  if not queue or redis.call('HEXISTS', bodies, id) == 1 then return nil end
  if vacancies_in(queue, max_waiting) < 1 then return nil end
  -- Where there is a ring its queue is known.
  local bell = queue_key(queue, 'bell')
  local has_rung = redis.call('LLEN', bell) > 0
  if not has_rung then redis.call('ZADD', queues, '0', queue) end
  local place = place_of(next_sequence('1'), wait)
  redis.call('ZADD', queue_key(queue, 'ready'), digits(ready_score(priority, place)), id)
  if not has_rung then redis.call('RPUSH', bell, '1') end
  redis.call('HSET', bodies, id, body)
  note_event('submitted', id, queue)
  return {'OK', 'NEW'}
end

local function enqueue(max_waiting, ...)
  local accepted = accept_one(max_waiting, ...)
  if accepted then return accepted end
  local list, ids, words, fresh, twins = {...}, {}, {'OK'}, {}, {}
  local seen, vacancies = {}, {} -- id -> body, queue -> room
  local taken, owned = {}, {} -- unique key -> id; what is to be kept of the keys
  for at = 1, #list, job_width do ids[#ids + 1] = list[at] end
  local stored = ids[1] and redis.call('HMGET', bodies, unpack(ids))
  for index, id in ipairs(ids) do
    local job = read_job(list, (index - 1) * job_width + 1)
    local known = seen[id] or stored[index]
    local owner = not known and job.extras and settle_key(job, taken, owned)
    if known then
      if content_of(known) ~= content_of(job.body) and not replaced(known, job.extras) then
        return {'CONFLICT', index - 1, id}
      end
      words[index + 1] = 'EXISTING'
    elseif owner then
      words[index + 1] = 'DUPLICATE ' .. owner
      twins[#twins + 1] = {owner, job}
    else
      local word, what = refusal(job, vacancies, max_waiting, seen)
      if word then return {word, index - 1, what} end
      words[index + 1] = 'NEW'
      seen[id] = job.body
      fresh[#fresh + 1] = job
    end
  end
  for queue in pairs(vacancies) do redis.call('ZADD', queues, 0, queue) end
  if fresh[1] then
    put_in_line(fresh, next_sequence(#fresh))
    accept(fresh, owned)
    tell_of(fresh)
  end
  for _, twin in ipairs(twins) do
    local owner, job = unpack(twin)
    replace(owner, job.delay, stamped(job), job.extras)
  end
  return words
end
