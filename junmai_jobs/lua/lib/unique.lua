-- include: extra, state, homes
-- Extra u=KEY,scope,period_ms,keep. A key's entry is "id scope until", and behind it the job that ran when this one
-- was accepted beside it, if one did: its scope is alive, else it would not have had the key any more. Whether the job
-- still has the key is read off the job itself, so that nothing need be done when it ends. Scope: alive, until it has
-- finished; waiting, until it is claimed. Until: server time (ms) up to which the job keeps the key even when it has
-- finished; 0: no such time.
local function unique_of(extras)
  return string.match(extra(extras, 'u') or '', '^([^,]+),(%a+),(%d+),(%a+)$')
end

-- Its word, if the job still has the key; one that never ran counts as ready.
local function word_of_owner(id, scope, till)
  if redis.call('HEXISTS', bodies, id) == 0 then return nil end
  local state = read_state(id)
  local word = state and state.word or 'ready'
  local over = finished_home(word) or (scope == 'waiting' and word == 'running')
  return (not over or tonumber(till) > now) and word
end

-- The job that has the key and its word, or nil.
local function owner_of(key)
  local entry = redis.call('HGET', uniques, key) or ''
  local id, scope, till, before = string.match(entry, '^(%S+) (%a+) (%d+) ?(%S*)$')
  local word = id and word_of_owner(id, scope, till)
  if word then return id, word end
  word = id and before ~= '' and word_of_owner(before, 'alive', '0')
  if word then return before, word end
end
