-- include: read_jobs, score, bell, event, checkpoint_mark, breaks, waiting, longest_lease
-- One home, with which what is written down of the job agrees, and a score that is one.
local is_sound, agrees, as_seen, score_in, has_its_home

do -- what only this file needs
-- A run that may go on gets a lease of which everybody who renews one is in time, programs of others too.
local new_lease, latest = 300000, 1e15

local function whole_below(number, bound)
  return number >= 0 and number < bound and number == math.floor(number)
end

function is_sound(score, word)
  if word == 'ready' then return is_place(score) end
  if word == 'running' then return whole_below(score, now + longest_lease + 1) end
  return whole_below(score, finished_home(word) and now + 86400000 or latest)
end

local function is_home_of(home, state)
  return home.word == state.word and (not home.lane or home.lane == state.queue)
end

function agrees(job)
  local home = job.homes[1]
  if not home or job.homes[2] then return false end
  if job.state then return is_home_of(home, job.state) end
  return not job.text and (home.word == 'ready' or home.word == 'scheduled')
end

function as_seen(job)
  local places = {}
  for index, home in ipairs(job.homes) do places[index] = (home.lane and home.lane .. ':' or '') .. home.word end
  local said = job.state and job.state.word .. ' in ' .. job.state.queue or job.text and 'nothing readable' or 'nothing'
  return 'is in ' .. (places[1] and table.concat(places, ', ') or 'no home') .. '; its state says ' .. said
end

-- In the lane that its body tells, if it is in that.
local function first_home(job)
  for _, home in ipairs(job.homes) do
    if home.lane and home.lane == job.lane then return home end
  end
  return job.homes[1]
end

-- The one of its homes in which it is to stay; nil: none. Where its state says that it runs or has finished it is not
-- to run beside that; where both say that it waits, it waits where it is.
local function home_to_keep(job)
  local state, first = job.state, first_home(job)
  for _, home in ipairs(job.homes) do
    if state and is_home_of(home, state) then return home end
  end
  if state and not (is_waiting[state.word] and first and is_waiting[first.word]) then return nil end
  -- Nobody could end a run of which nothing is known.
  return first and first.word ~= 'running' and first or nil
end

function score_in(word, job, state)
  if word == 'ready' then
    if state.score ~= '' and is_place(state.score) then return state.score end
    return ready_score(priority_in(nil, job.body), next_sequence(1))
  end
  return digits(word == 'running' and now + new_lease or now)
end

local function tell_of_place(job, state)
  if state.word == 'ready' then
    ring_queue(state.queue)
    note_event('released', job.id, state.queue)
  else
    ring(alarm)
  end
end

local function mend_home(job)
  local keep, id = home_to_keep(job), job.id
  local state = job.state or new_state('ready', job.lane or 'default')
  if keep then
    if state.word == 'blocked' and keep.word ~= 'blocked' then state.holds, state.note = checkpoint_mark_of(id), '' end
    state.word, state.queue = keep.word, keep.lane or state.queue
  end
  local key = keep and keep.key or finished_home(state.word)
    or queue_key(state.queue, state.word == 'running' and 'leases' or state.word)
  if not keep then redis.call('ZADD', key, score_in(state.word, job, state), id) end
  if job.text or (state.word ~= 'ready' and state.word ~= 'scheduled') then write_state(id, state) end
  for _, home in ipairs(job.homes) do
    if home.key ~= key then redis.call('ZREM', home.key, id) end
  end
  tell_of_place(job, state)
end

local function mend_score(job, home)
  local state = job.state or new_state(home.word, home.lane or '')
  redis.call('ZADD', home.key, score_in(home.word, job, state), job.id)
  tell_of_place(job, state)
end

-- Whether the other laws can be looked at.
function has_its_home(job)
  if not agrees(job) then
    local one = job.homes[1] and not job.homes[2]
    if breaks(one and 'state' or 'home', job.id, as_seen(job)) then mend_home(job) end
    return false
  end
  local home = job.homes[1]
  if not is_sound(home.score, home.word) then
    local seen = string.format('stands in %s with %.17g', home.word, home.score)
    if breaks('score', job.id, seen) then mend_score(job, home) end
  end
  return true
end
end
