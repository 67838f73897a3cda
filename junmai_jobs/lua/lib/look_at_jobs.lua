-- include: looks, rank
-- The place in line that a job has, or is to have; empty: none.
local function place_of_look(id, state)
  if state.word ~= 'ready' then return state.score end
  return redis.call('ZSCORE', queue_key(state.queue, 'ready'), id) or ''
end

-- What is kept of where a job was: if it is where a look has put it, that is known.
local function entry_of(job)
  if is_look(job.score) and job.look then return job.look.entry end
  local placed = job.score ~= '' and is_place(job.score)
  local priority = placed and 10 - math.floor(job.score / band_width) or priority_of(job.id, job.state)
  local sequence = placed and sequence_in(job.score)
  return job.id .. ' ' .. priority .. ' ' .. (sequence and string.format('%.0f', sequence) or '')
end

-- job: its id, state, the place it has (score), and the look that is kept of it, if any.
local function look_at_job(job, place)
  local text, entry = string.format('%.0f', place), entry_of(job)
  redis.call('ZADD', looked_at, text, entry)
  rank(job.id, '10', function() return text end)
  if job.look and job.look.entry ~= entry then redis.call('ZREM', looked_at, job.look.entry) end
end

-- What was looked at before so many others goes back to where it was, unless it has started or was moved since.
local function forget_earlier_looks()
  local kept, by_id = looks_so_far()
  for index = looks_kept + 1, #kept do
    local look = kept[index]
    local state = look.id and known_state(look.id)
    if state and is_waiting[state.word] and tonumber(place_of_look(look.id, state)) == look.place then
      give_priority(look.id, look.priority, by_id)
    end
    redis.call('ZREM', looked_at, look.entry)
  end
end
