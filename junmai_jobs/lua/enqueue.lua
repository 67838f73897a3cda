-- enqueue: nothing -> ready, scheduled or blocked; all jobs of a call or none.
-- ...: for each job its id, delay (ms), dependencies (lib/block.lua, or empty), body
-- replies: OK, NEW, EXISTING or "DUPLICATE id" for each | CONFLICT, index, id | FULL, index, queue |
--   LANES, index, queue | NOTFOUND, index, parent
-- include: now, queue_keys, bell, body, score, capacity, event
-- seldom: block, settle_key, own, replace, replaced, join
local job_width = 4

-- A job is the same if its body is, but for the priority, which people move, and the time of submission.
local function content_of(body)
  local version, queue, rest = string.match(body, '^(.)([^|\n]*)|%d+([^\n]*\n)')
  if not version then return body end
  rest = string.gsub(rest, '^|[%d@]*', '')
  return version .. queue .. rest .. string.sub(body, string.find(body, '\n', 1, true) + 1)
end

local function unknown_parent(dependencies, seen)
  for parent in string.gmatch(dependencies, '=(%S+)') do
    if not seen[parent] and redis.call('HEXISTS', bodies, parent) == 0 then return parent end
  end
end

local function place(id, delay, dependencies, body, sequence)
  local _, queue, priority, _, _, extras = read_header(body)
  if dependencies ~= '' then
    seldom().block(id, queue, delay, dependencies)
  elseif tonumber(delay) > 0 then
    local home = queue_key(queue, 'scheduled')
    redis.call('ZADD', home, now + delay, id)
    if redis.call('ZRANGE', home, 0, 0)[1] == id then ring(alarm) end
  else
    redis.call('ZADD', queue_key(queue, 'ready'), ready_score(priority, sequence), id)
    ring_queue(queue)
  end
  if extras then
    seldom().own(id, extras)
    seldom().join(id, extras)
  end
  -- The body last: an id without one was never accepted, and submitting it again starts afresh.
  redis.call('HSET', bodies, id, body)
  note_event('submitted', id, queue)
end

-- Why the job at a place of the list cannot be accepted: a word and what it is about; nil if it can.
local function refusal(jobs, at, queue, vacancies, max_waiting, seen)
  if not vacancies[queue] then
    if too_many_lanes(queue, vacancies) then return 'LANES', queue end
    vacancies[queue] = max_waiting - waiting_in(queue)
  end
  vacancies[queue] = vacancies[queue] - 1
  if vacancies[queue] < 0 then return 'FULL', queue end
  local parent = unknown_parent(jobs[at + 2], seen)
  if parent then return 'NOTFOUND', parent end
end

local function stamped(body)
  return (string.gsub(body, '^([^|\n]*|%d+|)@', '%1' .. string.format('%.0f', now)))
end

local function enqueue(max_waiting, ...)
  local jobs, seen, taken, vacancies, words, fresh, twins = {...}, {}, {}, {}, {'OK'}, {}, {}
  for at = 1, #jobs, job_width do
    local id, body, index = jobs[at], jobs[at + 3], (at - 1) / job_width
    local known = seen[id] or redis.call('HGET', bodies, id)
    local _, queue, _, _, _, extras = read_header(body)
    local owner = not known and extras and seldom().settle_key(jobs, at, extras, taken)
    if known then
      if content_of(known) ~= content_of(body) and not seldom().replaced(known, extras) then
        return {'CONFLICT', index, id}
      end
      words[index + 2] = 'EXISTING'
    elseif owner then
      words[index + 2] = 'DUPLICATE ' .. owner
      twins[#twins + 1] = {owner, jobs[at + 1], body, extras}
    else
      local word, what = refusal(jobs, at, queue, vacancies, max_waiting, seen)
      if word then return {word, index, what} end
      words[index + 2] = 'NEW'
      seen[id] = body
      fresh[#fresh + 1] = at
    end
  end
  for queue in pairs(vacancies) do redis.call('ZADD', queues, 0, queue) end
  local sequence = next_sequence(#fresh)
  for offset, at in ipairs(fresh) do
    place(jobs[at], jobs[at + 1], jobs[at + 2], stamped(jobs[at + 3]), sequence + offset - 1)
  end
  for _, twin in ipairs(twins) do seldom().replace(twin[1], twin[2], stamped(twin[3]), twin[4]) end
  return words
end
