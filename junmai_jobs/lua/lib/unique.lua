-- include: extra, state, homes
-- Extra u=KEY,scope,period_ms,keep. A key's entry is "id scope until"; whether the job still has the key is read
-- off the job itself, so that nothing need be done when it ends. Scope: alive, until it has finished; waiting, until
-- it is claimed. Until (ms, 0: not at all): had in any case.
local function unique_of(extras)
  return string.match(extra(extras, 'u') or '', '^([^,]+),(%a+),(%d+),(%a+)$')
end

-- The job that has the key and its word, or nil; one that never ran counts as ready.
local function owner_of(key)
  local id, scope, till = string.match(redis.call('HGET', uniques, key) or '', '^(%S+) (%a+) (%d+)$')
  if not id or redis.call('HEXISTS', bodies, id) == 0 then return nil end
  local state = read_state(id)
  local word = state and state.word or 'ready'
  local over = finished_homes[word] or (scope == 'waiting' and word == 'running')
  if over and tonumber(till) <= now then return nil end
  return id, word
end
