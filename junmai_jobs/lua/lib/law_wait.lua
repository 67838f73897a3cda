-- include: unblock, limits, range_of, forget_parked, law_home
-- A blocked job has something to wait for, and somebody who will look after it.
local examine_wait

do -- what only this file needs
-- Whether a limit of this key is looked at again, by whatever spec; of very many, it may be one of the others.
local function is_due(key)
  if not learnt.due_keys then
    local specs = redis.call('ZRANGE', limits_due, 0, 200)
    learnt.due_keys = {}
    for _, spec in ipairs(specs) do learnt.due_keys[parts_of(spec) or ''] = true end
    learnt.many_due = #specs > 200
  end
  return learnt.due_keys[key] or learnt.many_due
end

local function is_looked_after(job, state)
  if not redis.call('ZSCORE', parked, parked_entry(state.holds, state.score, job.id)) then return false end
  local concurrency, rate = limits_in(job.extras)
  for _, spec in pairs({concurrency, rate}) do
    if parts_of(spec) == state.holds and redis.call('ZSCORE', limits_due, spec) then return true end
  end
  return is_due(state.holds)
end

-- Back in line at its old place, the next claim has it wait for whatever room it needs.
local function line_up(job, state)
  redis.call('ZADD', queue_key(state.queue, 'ready'), score_in('ready', job, state), job.id)
  forget_parked(job.id, state)
  state.word, state.holds = 'ready', checkpoint_mark_of(job.id)
  write_state(job.id, state)
  ring_queue(state.queue)
  redis.call('ZREM', queue_key(state.queue, 'blocked'), job.id)
end

function examine_wait(job, state)
  if state.holds ~= '' then
    if is_looked_after(job, state) then return end
    local seen = 'waits for room in the limit ' .. state.holds .. ', and nobody looks after it'
    if breaks('waits', job.id, seen) then line_up(job, state) end
    return
  end
  local low, high = range_of(job.id)
  if redis.call('ZRANGEBYLEX', parents, low, high, 'LIMIT', 0, 1)[1] then return end
  if breaks('waits', job.id, 'is blocked, and waits for no other job') then unblock(job.id, state) end
end
end
