-- examine: which laws of the store (docs/repair.md) some of its entries break; 20 or 100 of them a call.
-- mends: 1: each is mended by its rule, else nothing is changed.
-- subject: what is looked at; ...: its entries, see each reader of them.
-- replies: OK, how many of them were looked at (of subject homes: see homes_less_jobs), then of each law that is broken
--   its word, where, what is seen
-- include: laws_of_keys, laws_of_jobs, laws_of_edges, laws_of_entries
-- Those that take all entries of a call at once; all others take one.
local of_a_call = {
  keys = examine_fixed_keys, meta = examine_meta, stream = examine_stream, jobs = examine_jobs,
  bodies = examine_bodies, homes = homes_less_jobs, schedules = laws_of_entries.schedules,
  cache_bytes = laws_of_entries.cache_bytes, uniques = laws_of_entries.uniques,
}

local function leftover_hash(subject)
  return ({
    states = states, results = results, histories = histories, progress_notes = progress_notes,
    checkpoints = checkpoints, log_lines = log_lines,
  })[subject]
end

-- What was there when its page was read may be gone by now.
local function is_there(subject, entry)
  local home = set_of_edges(subject)
  return not home or redis.call('ZSCORE', home, entry)
end

local function examine(mends, subject, ...)
  local looked, of_one = nil, subject == 'lanes' and lane_is_ours or laws_of_edges[subject] or laws_of_entries[subject]
  learnt.broken, learnt.mends = {}, mends == '1'
  if of_a_call[subject] then
    looked = of_a_call[subject](...)
  elseif of_one then
    for _, entry in ipairs({...}) do
      if is_there(subject, entry) then of_one(entry) end
    end
  else
    laws_of_entries.leftovers(leftover_hash(subject), ...)
  end
  return {'OK', looked or select('#', ...), unpack(learnt.broken)}
end
