-- include: queue_keys, homes, state, body, laws_of_keys, breaks
-- Jobs as they stand: id, body, and of its first line lane and extras; text and state; homes, each with its
-- key, word, lane (none if it is a finished one) and score, in the order of kinds_of_home.
local as_many_as_fit, read_jobs, homes_less_jobs

do -- what only this file needs
local kinds_of_home = {'ready', 'scheduled', 'retrying', 'blocked', 'leases'}

-- The first of these whose bodies can be read in one call.
function as_many_as_fit(ids)
  local bytes, some = 0, {}
  for index, id in ipairs(ids) do
    bytes = bytes + redis.call('HSTRLEN', bodies, id)
    if index > 1 and bytes > most_bytes then return some end
    some[index] = id
  end
  return some
end

local function add_homes(jobs, key, word, lane)
  local ids = {}
  for index, job in ipairs(jobs) do ids[index] = job.id end
  for index, score in ipairs(redis.call('ZMSCORE', key, unpack(ids))) do
    if score then
      local list = jobs[index].homes
      list[#list + 1] = {key = key, word = word, lane = lane, score = tonumber(score)}
    end
  end
end

local function key_of_home(word, lane)
  return finished_home(word) or queue_key(lane, word == 'running' and 'leases' or word)
end

-- closed: a lane of its has a key that is not ours.
local function close_foreign(by_lane)
  for lane, jobs in pairs(by_lane) do
    if not lane_is_ours(lane) then
      by_lane[lane] = nil
      for _, job in ipairs(jobs) do job.closed = true end
    end
  end
end

-- Where jobs may be: in the lanes that their bodies and states tell, and the one given.
local function add_all_homes(jobs, lane)
  local by_lane = {}
  local function add(name, job)
    local list = by_lane[name] or {}
    by_lane[name] = list
    if list[#list] ~= job then list[#list + 1] = job end
  end
  for _, job in ipairs(jobs) do
    if job.lane then add(job.lane, job) end
    if job.state then add(job.state.queue, job) end
    if lane ~= '' then add(lane, job) end
  end
  close_foreign(by_lane)
  for name, list in pairs(by_lane) do
    for _, kind in ipairs(kinds_of_home) do
      add_homes(list, queue_key(name, kind), kind == 'leases' and 'running' or kind, name)
    end
  end
  for _, word in ipairs({'succeeded', 'failed', 'cancelled'}) do add_homes(jobs, finished_home(word), word) end
end

local function without_home(jobs)
  local rest = {}
  for _, job in ipairs(jobs) do
    if not job.homes[1] then rest[#rest + 1] = job end
  end
  return rest
end

-- Where most jobs are: in the home that their state names, or else in line, or in that of those that are for later.
-- Those that are not there.
local function add_usual_homes(jobs)
  local by_lane = {}
  for _, job in ipairs(jobs) do
    local lane = job.state and job.state.queue or job.lane
    local word = job.state and job.state.word or 'ready'
    if lane and not job.text == not job.state then
      by_lane[lane] = by_lane[lane] or {}
      by_lane[lane][word] = by_lane[lane][word] or {}
      table.insert(by_lane[lane][word], job)
    end
  end
  for lane, by_word in pairs(by_lane) do
    local ours = lane_is_ours(lane)
    for word, list in pairs(ours and by_word or {}) do
      add_homes(list, key_of_home(word, lane), word, not finished_home(word) and lane or nil)
    end
    local later = without_home(ours and by_word.ready or {})
    if later[1] then add_homes(later, queue_key(lane, 'scheduled'), 'scheduled', lane) end
  end
  return without_home(jobs)
end

-- lane: '': a second home is not looked for; *: it is; else also in this lane.
function read_jobs(ids, lane)
  local stored, known = redis.call('HMGET', bodies, unpack(ids)), redis.call('HMGET', states, unpack(ids))
  local jobs = {}
  for index, id in ipairs(ids) do
    local version, queue, _, _, _, extras = read_header(stored[index] or nil)
    jobs[index] = {
      id = id, body = stored[index], version = version, lane = queue, extras = extras,
      text = known[index], state = state_in(known[index] or nil), homes = {},
    }
  end
  local rest = lane == '' and add_usual_homes(jobs) or jobs
  if rest[1] then add_all_homes(rest, lane == '*' and '' or lane) end
  return jobs
end

-- How many more ids are in homes, those of these lanes and the finished ones, than there are jobs. None: where each job
-- has one home there is nobody else in any.
function homes_less_jobs(...)
  local count = -redis.call('HLEN', bodies)
  for _, lane in ipairs({...}) do
    for _, kind in ipairs(kinds_of_home) do count = count + redis.call('ZCARD', queue_key(lane, kind)) end
  end
  for _, home in ipairs({succeeded, failed, cancelled}) do count = count + redis.call('ZCARD', home) end
  return count
end
end
