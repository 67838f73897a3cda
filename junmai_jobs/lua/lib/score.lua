-- include: body, band
-- count new sequence numbers; the first of them.
local function next_sequence(count)
  return redis.call('HINCRBY', meta, 'sequence', count) - count + 1
end

-- The server writes a number out in all its digits.
local function ready_score(priority, sequence)
  return (10 - priority) * band_width + sequence
end

-- The band a job waits in: of its kept score, else of its body; an unreadable one is for claim to sort out.
local function priority_in(state, body)
  if state and state.score ~= '' then return 10 - math.floor(state.score / band_width) end
  local _, _, priority = read_header(body)
  return tonumber(priority) or 5
end

local function priority_of(id, state)
  return priority_in(state, (not state or state.score == '') and redis.call('HGET', bodies, id))
end
