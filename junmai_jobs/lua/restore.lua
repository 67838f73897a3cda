-- restore: jobs and rows of an export are staged (stage.lua), so that here all keys have the names of staged ones.
-- source: which export; into: jobs, or the collection that the rows are of.
-- ...: jobs as extract gives them; rows: name and value, or member and score
-- A run is handed back: nobody holds its lease here, and no retry is spent.
-- replies: OK | GONE: another export has taken its place
-- include: queue_keys, state, homes, body, block, tell_children, join, unique, parked_entry, limits, hand_back
-- include: checkpoint_mark, unblock
local job_width = 14

local function wait_for_room(id, state, extras)
  redis.call('ZADD', parked, 0, parked_entry(state.holds, state.score, id))
  local concurrency, rate = limits_in(extras)
  for _, spec in pairs({concurrency, rate}) do
    if parts_of(spec) == state.holds then redis.call('ZADD', limits_due, 'NX', now, spec) end
  end
end

-- Where it is found, and where its state has it go from there: what is in no known lane nobody adopts.
local function add_lanes(lane, state)
  redis.call('ZADD', queues, 0, lane, 0, state and state.queue or lane)
end

local function put_home(id, home, lane, score, state, has_history)
  local finished = finished_home(home)
  if not finished then add_lanes(lane, state) end
  if finished then tell_children(id) end
  if home == 'leases' and state and state.word == 'running' then
    if not has_history then redis.call('HDEL', histories, id) end -- what the same call has left before
    state.holds = checkpoint_mark_of(id)
    hand_back(id, state)
  elseif home ~= '' then
    redis.call('ZADD', finished or queue_key(lane, home), score, id)
  end
end

-- Blocked by parents, none of which is in the export: they have ended, and were forgotten.
local function put_orphan(id, lane, state)
  add_lanes(lane, state)
  unblock(id, state or new_state('blocked', lane))
end

local function put_job(id, home, lane, score, body, state, ...)
  local known, values = state_in(state), {...}
  local expires, owned, dependencies = unpack(values, 6)
  local extras = extras_in(body)
  redis.call('HSET', bodies, id, body)
  for index, hash in ipairs({states, results, histories, progress_notes, checkpoints, log_lines}) do
    local value = index == 1 and state or values[index - 1]
    if value ~= '' then redis.call('HSET', hash, id, value) end
  end
  if expires ~= '' then redis.call('ZADD', expiring, expires, id) end
  local key = owned ~= '' and unique_of(extras)
  if key then redis.call('HSET', uniques, key, owned) end
  join(id, extras)
  local is_parked = known and known.holds ~= ''
  if home == 'blocked' and is_parked then wait_for_room(id, known, extras) end
  if home == 'blocked' and not is_parked and dependencies == '' then return put_orphan(id, lane, known) end
  if dependencies ~= '' then await(id, dependencies) end
  put_home(id, home, lane, score, known, values[2] ~= '')
end

local function put_rows(into, list)
  local hashes = {schedules = schedules, suspects = suspects, cached = cached, paused = paused, meta = meta}
  local sets = {
    needed = needed, queues = queues, ticks = ticks, limits_due = limits_due, starts = starts,
    suspected = suspected, cache_uses = cache_uses, ages = ages, minutes = minutes, hours = hours,
  }
  for at = 1, #list, 2 do
    if hashes[into] then
      redis.call('HSET', hashes[into], list[at], list[at + 1])
    else
      redis.call('ZADD', sets[into], list[at + 1], list[at])
    end
  end
end

local function restore(source, into, ...)
  if redis.call('HGET', meta, 'source') ~= source then return {'GONE'} end
  local list = {...}
  learnt.special = true -- jobs of this very call may have children, which are told of an end
  if into ~= 'jobs' then
    put_rows(into, list)
    return {'OK'}
  end
  for at = 1, #list, job_width do put_job(unpack(list, at, at + job_width - 1)) end
  return {'OK'}
end
