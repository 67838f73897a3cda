-- include: read_jobs, law_home, law_run, law_wait, unique, own, join, finish, limits, let_go, look_at
-- All laws of one job. What is broken first may hide what is broken besides: the next call sees that.
local examine_jobs, examine_bodies

do -- what only this file needs
local function examine_gone(job)
  if not job.text and not job.homes[1] then return end
  if not breaks('orphan', job.id, as_seen(job) .. ', and it has no body') then return end
  local state = job.state
  if state and state.word == 'blocked' and state.holds ~= '' then forget_parked(job.id, state) end
  for _, home in ipairs(job.homes) do redis.call('ZREM', home.key, job.id) end
  redis.call('HDEL', states, job.id)
  if state and state.word == 'running' then
    state.word = 'lost'
    let_go(job.id, state)
  end
end

-- A job that claim would set aside when it comes to it.
local function is_damaged(job)
  local _, _, readable = look_at(job.id, job.body)
  return not readable or not (not job.extras or select(3, limits_in(job.extras)))
end

local function fail_as_damaged(job, home)
  finish(job.id, job.state or new_state(home.word, home.lane), 'failed', 'corrupt_record')
  redis.call('ZREM', home.key, job.id)
end

-- What other jobs and people find it by.
local function examine_marks(job, word)
  local key, scope = unique_of(job.extras)
  if key and scope == 'alive' and not finished_home(word) and not owner_of(key) then
    if breaks('unique', job.id, 'has the key ' .. key .. ', which is noted as free') then own(job.id, job.extras) end
  end
  local batch = extra(job.extras, 'b')
  if batch and not redis.call('ZSCORE', members, batch .. ' ' .. job.id) then
    local seen = 'is of the batch ' .. batch .. ', which does not have it'
    if breaks('batch', job.id, seen) then join(job.id, job.extras) end
  end
end

-- The lanes of those that are alive, each once a call.
local function examine_queue(lane)
  learnt.known_lanes = learnt.known_lanes or {}
  if learnt.known_lanes[lane] then return end
  learnt.known_lanes[lane] = true
  if string.find(lane, '[^%w._+=,-]') or redis.call('ZSCORE', queues, lane) then return end
  if breaks('queue', lane, 'has jobs, and is not among the queues') then redis.call('ZADD', queues, 0, lane) end
end

local function raise_number(name, number, job)
  learnt.numbers[name] = number
  local text = string.format('%.0f', number)
  if breaks(name, meta, name .. ' is smaller than ' .. text .. ' of job ' .. job.id) then
    redis.call('HSET', meta, name, text)
  end
end

local function examine_place(score, job)
  local place = is_place(score) and sequence_in(score)
  if place and place > learnt.numbers.sequence then raise_number('sequence', place, job) end
end

-- No token is larger than the last, and no place in line behind the last: else the next would be no newer.
local function examine_numbers(job)
  local state, home = job.state, job.homes[1]
  local token = state and tonumber(state.token)
  if token and token > learnt.numbers.token and token < 9007199254740992 then raise_number('token', token, job) end
  if home.word == 'ready' then examine_place(home.score, job) end
  if state and state.score ~= '' then examine_place(tonumber(state.score), job) end
end

local function examine_job(job)
  if not job.body then return examine_gone(job) end
  if job.version and job.version > schema_version then
    return breaks('newer', job.id, 'was written by a newer version')
  end
  if job.closed or not has_its_home(job) then return end
  local home = job.homes[1]
  local word, state = home.word, job.state
  examine_numbers(job)
  if is_waiting[word] and is_damaged(job) then
    if breaks('body', job.id, 'cannot be read') then fail_as_damaged(job, home) end
    return
  end
  if home.lane then examine_queue(home.lane) end
  if job.extras then examine_marks(job, word) end
  if word == 'running' then examine_run(job, state) end
  if word == 'blocked' then examine_wait(job, state) end
end

-- How many of them were looked at.
function examine_jobs(lane, ...)
  local ids = as_many_as_fit({...})
  local jobs = read_jobs(ids, lane)
  local last = redis.call('HMGET', meta, 'token', 'sequence', 'furthest')
  for index = 1, 3 do last[index] = tonumber(last[index] or '0') or 0 end
  learnt.numbers = {token = last[1], sequence = last[2] + last[3]}
  for _, job in ipairs(jobs) do examine_job(job) end
  return #ids
end

-- Those of which only a reader of the whole body could tell: for each its id and that body.
function examine_bodies(...)
  local list, told = {...}, {}
  for at = 1, #list, 2 do told[#told + 1] = list[at] end
  for index, job in ipairs(read_jobs(told, '*')) do
    local home = job.homes[1]
    if job.body == list[2 * index] and not job.closed and home and agrees(job) and is_waiting[home.word] then
      if breaks('body', job.id, 'cannot be read') then fail_as_damaged(job, home) end
    end
  end
end
end
