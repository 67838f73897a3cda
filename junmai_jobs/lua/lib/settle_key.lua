-- include: unique
-- Which job answers for the unique key of the one at this place of enqueue's list; nil: it is accepted, and takes the
-- key (taken: key -> id, of this call). If it keeps the last and the owner runs, it waits for the owner's end.
local function settle_key(jobs, at, extras, taken)
  local key, _, _, keep = unique_of(extras)
  if not key then return nil end
  local id, word = taken[key], 'ready'
  if not id then id, word = owner_of(key) end
  if id and word == 'running' and keep == 'last' then
    jobs[at + 2] = string.gsub(jobs[at + 2] .. ' continue=' .. id, '^ ', '')
    id = nil
  end
  if not id then taken[key] = jobs[at] end
  return id
end
