-- include: unique, own
-- Which job answers for the unique key of one that is submitted; nil: this one is accepted, and takes the key (taken:
-- key -> id, of this call; entries: what is to be kept). If it keeps the last and the owner runs, it waits for the
-- owner's end.
local function settle_key(job, taken, entries)
  local key, scope, period, keep = unique_of(job.extras)
  if not key then return nil end
  local id, word, before = taken[key], 'ready', nil
  if not id then id, word = owner_of(key) end
  if id and word == 'running' and keep == 'last' then
    job.dependencies = string.gsub(job.dependencies .. ' continue=' .. id, '^ ', '')
    id, before = nil, id
  end
  if not id then
    taken[key] = job.id
    entries[#entries + 1], entries[#entries + 2] = key, key_entry(job.id, scope, period, before)
  end
  return id
end
