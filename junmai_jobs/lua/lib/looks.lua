-- include: score, rank
-- What somebody has looked at: looked_at has "id priority sequence" for the last jobs, each with the place in line that
-- it got for that, and its priority and sequence before. Each look comes before all earlier ones.
local looks_kept = 100

-- The looks that are kept, the last first, and by id. A place that is none was not put there by us.
local function looks_so_far()
  local least, bound = string.format('%.0f', half_band - looks_width), '(' .. string.format('%.0f', half_band)
  local entries = redis.call('ZRANGEBYSCORE', looked_at, least, bound, 'WITHSCORES', 'LIMIT', '0', looks_kept + 50)
  local kept, by_id = {}, {}
  for at = 1, #entries, 2 do
    local id, priority, sequence = string.match(entries[at], '^(%S+) (%d+) (%d*)$')
    local look = {entry = entries[at], place = tonumber(entries[at + 1]), id = id, priority = priority}
    look.sequence = tonumber(sequence or '')
    kept[#kept + 1], by_id[id or ''] = look, look
  end
  return kept, by_id
end

-- A job gets a priority and keeps its place in line; one that somebody has looked at has the place again that it had
-- before. looks: those that are kept, by id, where that is known.
local function give_priority(id, priority, looks)
  local look
  local reply = rank(id, priority, function(score)
    if score == '' then return '' end
    local sequence = is_place(score) and sequence_in(score)
    if is_look(score) then
      looks = looks or select(2, looks_so_far())
      look = looks[id] or {}
      sequence = look.sequence
    end
    return ready_score(priority, sequence or next_sequence(1))
  end)
  if look and look.entry then redis.call('ZREM', looked_at, look.entry) end
  return reply
end
