-- include: unique
-- The job that has the unique key of the one at a place of enqueue's list, or nil: it is accepted. taken: key -> id, of
-- this call. One that keeps the last is accepted beside one that runs, and waits for its end.
local function duplicate(jobs, at, extras, taken)
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
